"""Forms that a value of the settings may be asked to have, for `Annotated` fields of a settings Struct.

`Annotated[str, HTTP_URL]` says it in the field's type, so the reader, its messages and the settings schema agree.
Authors of plugins may use these and make their own. Not for secrets: see `fabro_core.config.secrets`.
"""

from __future__ import annotations

import ipaddress
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit


@dataclass(frozen=True, slots=True)
class Form:
    """A value's form. `parse` gets the value of the file before the type of the field is checked; of a `Path` field
    it gets the absolute path."""

    expected: str
    """Completes the sentence "expected …"."""
    parse: Callable[[Any], Any]
    """Returns the value in its normal spelling. Raises `ValueError` for another form; the error's text, when it
    has one, says what was found instead and must not repeat what may be a secret."""
    kind: type = str
    """Values of another type are left to the check of the field's type."""
    schema: Mapping[str, object] = field(default_factory=dict, compare=False)
    """The form in JSON Schema, as far as that can say it; it must admit every value that `parse` admits."""


def _split_url(text: str) -> SplitResult:
    if any(ord(character) <= 0x20 for character in text):
        raise ValueError("one with spaces")
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError from None  # its text repeats the URL, which may hold a password
    if parts.scheme not in ("http", "https"):
        raise ValueError
    if not parts.hostname:
        raise ValueError("one without a host")
    return parts


def _http_url(text: str) -> str:
    _split_url(text)
    return text.rstrip("/")


def _public_url(text: str) -> str:
    parts = _split_url(text)
    _refuse(
        (_is_wildcard(parts.hostname or ""), "the address of all interfaces"),
        ("@" in parts.netloc, "one with user information"),
        ("?" in text, "one with a query"),
        ("#" in text, "one with a fragment"),
    )
    return text.rstrip("/")


def _refuse(*faults: tuple[bool, str]) -> None:
    for present, found in faults:
        if present:
            raise ValueError(found)


def _is_wildcard(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return host == "*"


_URL_SCHEMA: Final = {"type": "string", "pattern": "^[Hh][Tt][Tt][Pp][Ss]?:"}

HTTP_URL: Final = Form("an absolute http(s) URL", _http_url, schema=_URL_SCHEMA)
"""A trailing slash is removed."""

PUBLIC_URL: Final = Form(
    "an absolute http(s) URL with a host and without user, query and fragment",
    _public_url,
    schema=_URL_SCHEMA,
)
"""The URL under which people reach the server (server.md S15). A trailing slash is removed."""


SOCKET_PATH_BYTES: Final = 103 if sys.platform == "darwin" else 107
"""The longest path that fits into `sockaddr_un`."""


def _socket_path(path: Path) -> Path:
    size = len(os.fsencode(path))
    if size > SOCKET_PATH_BYTES:
        raise ValueError(f"{size} bytes")
    return path


SOCKET_PATH: Final = Form(
    f"a path of at most {SOCKET_PATH_BYTES} bytes", _socket_path, kind=Path, schema={"maxLength": SOCKET_PATH_BYTES}
)


def split_address(text: str) -> tuple[str, int]:
    """Host and port of `IP:port` or `[IPv6]:port`; raises `ValueError` for anything else, also for host names."""
    host, colon, port = text.rpartition(":")
    if not colon or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65535:
        raise ValueError
    if host.startswith("[") and host.endswith("]"):
        return str(ipaddress.IPv6Address(host[1:-1])), int(port)
    return str(ipaddress.IPv4Address(host)), int(port)


def join_address(host: str, port: int) -> str:
    """The inverse of `split_address`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _listen_address(text: str) -> str:
    try:
        return join_address(*split_address(text))
    except ValueError:
        raise ValueError("") from None


LISTEN_ADDRESS: Final = Form(
    '"IP:port" or "[IPv6]:port"',
    _listen_address,
    schema={"type": "string", "pattern": r"^([0-9]+(\.[0-9]+){3}|\[.+\]):[0-9]{1,5}$"},
)

PLUGIN_NAME_PATTERN: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
"""auth.md A1."""


def _plugin_name(text: str) -> str:
    if not PLUGIN_NAME_PATTERN.fullmatch(text):
        raise ValueError
    return text


PLUGIN_NAME: Final = Form(
    "a name such as dev-token",
    _plugin_name,
    schema={"type": "string", "pattern": f"^{PLUGIN_NAME_PATTERN.pattern}$"},
)


def _without_repetition(items: list[object]) -> list[object]:
    repeated = next((item for item in items if items.count(item) > 1), None)
    if repeated is not None:
        raise ValueError(f'"{repeated}" twice' if isinstance(repeated, str) else "one twice")
    return items


def _some_without_repetition(items: list[object]) -> list[object]:
    if not items:
        raise ValueError("an empty array")
    return _without_repetition(items)


DISTINCT: Final = Form(
    "an array of names without repetition", _without_repetition, kind=list, schema={"uniqueItems": True}
)
"""No element occurs twice."""

DISTINCT_NOT_EMPTY: Final = Form(
    "a non-empty array of names without repetition",
    _some_without_repetition,
    kind=list,
    schema={"uniqueItems": True, "minItems": 1},
)
"""At least one element, and none occurs twice."""


LOG_LEVELS: Final = ("debug", "info", "warning", "error")


def _in_any_case(words: Sequence[str]) -> str:
    """A pattern; those of JSON Schema cannot ignore case."""
    return f"^({'|'.join(''.join(f'[{letter}{letter.upper()}]' for letter in word) for word in words)})$"


LOG_LEVEL: Final = Form(
    '"debug", "info", "warning" or "error"',
    str.lower,
    schema={"anyOf": [{"enum": list(LOG_LEVELS)}, {"type": "string", "pattern": _in_any_case(LOG_LEVELS)}]},
)
"""Upper case is accepted (server.md S15)."""


def _file_version(number: int) -> int:
    if number > FILE_VERSION:
        raise ValueError(f"{number}: the file was written for a newer release, upgrade fabro-core")
    if number != FILE_VERSION:
        raise ValueError(f"{number}")
    return number


FILE_VERSION: Final = 1
SETTINGS_VERSION: Final = Form(str(FILE_VERSION), _file_version, kind=int, schema={"const": FILE_VERSION})
