"""Text files as people's editors write them: UTF-8, perhaps with a byte order mark, which is no part of the text.

Every file that somebody has written is read with this; what only this program writes is not.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from pathlib import Path
from typing import Final

_MARK: Final = "\ufeff"


def content_of(path: Path) -> bytes:
    """The text of a file, encoded. Raises `OSError`."""
    return path.read_bytes().removeprefix(BOM_UTF8)


def without_mark(text: str) -> str:
    """The text of a file whose content was read elsewhere, as that of the files that come with a manifest is."""
    return text.removeprefix(_MARK)


def begins_with_mark(content: bytes) -> bool:
    """Whether a byte order mark is in front."""
    return content.startswith(BOM_UTF8)
