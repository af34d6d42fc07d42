"""The static files of the pages, each under a name that changes with its content, so that browsers keep them for good.

Read once, with the first page; `fabro_core.web.routes` serves them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

_DIRECTORY: Final = Path(__file__).parent / "static"
_MEDIA_TYPES: Final = {".css": b"text/css; charset=utf-8", ".svg": b"image/svg+xml"}
_HASH_DIGITS: Final = 16


class Asset(msgspec.Struct, frozen=True):
    """A file as it is served."""

    body: bytes
    media_type: bytes


def asset_path(name: str) -> str:
    """Where the file of this name is served, without the public prefix."""
    return f"/static/{_files().paths[name]}"


def served_asset(name: str) -> Asset | None:
    """The file that is served under this name, which has the beginning of its SHA-256; None: there is none."""
    return _files().assets.get(name)


class _Files(msgspec.Struct, frozen=True):
    paths: Mapping[str, str]
    """The name that each file is served under."""
    assets: Mapping[str, Asset]
    """Each file by that name."""


@cache
def _files() -> _Files:
    paths, assets = {}, {}
    for path in _DIRECTORY.iterdir():
        body = path.read_bytes()
        served = f"{path.stem}.{hashlib.sha256(body).hexdigest()[:_HASH_DIGITS]}{path.suffix}"
        paths[path.name] = served
        assets[served] = Asset(body, _MEDIA_TYPES[path.suffix])
    return _Files(paths, assets)
