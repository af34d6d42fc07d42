"""Text files as people's editors write them: UTF-8, perhaps with a byte order mark, which is no part of the text.

Every file that somebody has written is read with this; what only this program writes is not.
"""

from __future__ import annotations

import os
from codecs import BOM_UTF8
from errno import EFBIG
from pathlib import Path
from typing import Final

_MARK: Final = "\ufeff"


MAX_BYTES: Final = 1024 * 1024
"""Of a file that somebody has written for this program."""


def content_of(path: Path) -> bytes:
    """The text of a file, encoded. Raises `OSError`, also for one that is larger than anybody writes, and does not wait
    for somebody to write into a named pipe."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        os.set_blocking(descriptor, True)  # for what does come through a pipe
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise OSError(EFBIG, f"it is larger than {MAX_BYTES} bytes", str(path))
    return content.removeprefix(BOM_UTF8)


def without_mark(text: str) -> str:
    """The text of a file whose content was read elsewhere, as that of the files that come with a manifest is."""
    return text.removeprefix(_MARK)


def begins_with_mark(content: bytes) -> bool:
    """Whether a byte order mark is in front."""
    return content.startswith(BOM_UTF8)
