"""What pure functions returned, by all that they were given; the oldest goes when there is no room."""

from __future__ import annotations

import hashlib
from threading import Lock
from typing import Any, Final, Generic, TypeVar

import msgspec

T = TypeVar("T")

ENTRY_BYTES: Final = 500
"""What an entry takes besides what is told of it."""


def key_of(*arguments: Any) -> bytes:
    """The key of a call: other arguments have another one. They are what JSON tells apart: texts, numbers, structs."""
    return hashlib.sha256(msgspec.json.encode(arguments)).digest()


class Remembered(Generic[T]):
    """Results by key. Several threads may use it. Whoever gets a result shares it, and changes nothing in it."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._results: dict[bytes, tuple[T, int]] = {}
        """The one that was used last comes last."""
        self._lock = Lock()

    def get(self, key: bytes) -> T | None:
        with self._lock:
            entry = self._results.pop(key, None)
            if entry is None:
                return None
            self._results[key] = entry
            return entry[0]

    def put(self, key: bytes, result: T, size: int) -> None:
        """Remember a result of so many bytes."""
        size += ENTRY_BYTES
        with self._lock:
            self._drop(key)
            self._results[key] = (result, size)
            self._bytes += size
            while self._bytes > self._max_bytes:
                self._drop(next(iter(self._results)))

    def _drop(self, key: bytes) -> None:
        _, size = self._results.pop(key, (None, 0))
        self._bytes -= size
