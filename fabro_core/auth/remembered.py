"""What has been verified once: whether a signature or a seal is right never changes, and programs and browsers send one
credential with many requests. What the credential is worth by now is judged by callers, each time."""

from __future__ import annotations

import hashlib
from typing import Final, Generic, TypeVar

Content = TypeVar("Content")

REMEMBERED: Final = 1_024
"""Credentials of one key; contents are some hundred bytes each."""


class Remembered(Generic[Content]):
    """What credentials of one key hold, by their hash, so that none of them lies in memory."""

    def __init__(self) -> None:
        self._contents: dict[bytes, Content] = {}
        """The oldest first."""

    def digest(self, credential: str) -> bytes:
        """What a credential is remembered by. Raises `UnicodeEncodeError` for text that is none."""
        return hashlib.sha256(credential.encode()).digest()

    def get(self, digest: bytes) -> Content | None:
        """What the credential holds; None: it has to be verified."""
        return self._contents.get(digest)

    def keep(self, digest: bytes, content: Content) -> None:
        """Remember what has been verified, and forget the oldest."""
        if len(self._contents) == REMEMBERED:
            del self._contents[next(iter(self._contents))]
        self._contents[digest] = content
