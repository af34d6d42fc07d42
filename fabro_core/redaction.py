"""Taking the values of secrets out of what is shown (events.md E2). Knows no store, and not where values come from."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

import msgspec

REDACTED: Final = "[REDACTED]"

MIN_CHARS: Final = 8
"""Shorter values stay: they occur by chance, and what they hide is soon guessed."""

_OTHER_SPELLING: Final = re.compile(rb"\\[u/]")
"""In JSON: an escape that we would not write, so that what we look for may be spelt otherwise."""


class Redaction:
    """Replaces each occurrence of some values. What holds none of them stays the same object.

    Values are looked for one after the other, as each is found at the speed of memory; alternatives of one regular
    expression would all be tried at each place.
    """

    def __init__(self, values: Iterable[str]) -> None:
        # The longest first: of a value and another that it begins with, all of it goes.
        self._texts = sorted({each for each in values if len(each) >= MIN_CHARS}, key=len, reverse=True)
        self._encoded = [msgspec.json.encode(each)[1:-1] for each in self._texts]
        self._bytes = [each.encode("utf-8", "surrogatepass") for each in self._texts]

    def __bool__(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self._texts)

    def text(self, text: str) -> str:
        for each in self._texts:
            if each in text:
                text = text.replace(each, REDACTED)
        return text

    def content(self, content: bytes) -> bytes:
        """A text as it is stored."""
        for each in self._bytes:
            if each in content:
                content = content.replace(each, REDACTED.encode())
        return content

    def value(self, value: Any) -> Any:
        """A decoded JSON value, in all of its strings."""
        match value:
            case str():
                return self.text(value)
            case list():
                return [self.value(each) for each in value]
            case dict():
                return {self.value(key): self.value(each) for key, each in value.items()}
            case _:
                return value

    def suspects(self, body: bytes) -> bool:
        """Whether encoded JSON may hold one of the values: a number may read like one, and an escape may hide one."""
        if not self._texts:
            return False
        return any(each in body for each in self._encoded) or _OTHER_SPELLING.search(body) is not None

    def json(self, body: bytes) -> bytes:
        """An encoded JSON value, which is decoded only if it is suspected."""
        if not self.suspects(body):
            return body
        before = msgspec.json.decode(body)
        after = self.value(before)
        return body if after == before else msgspec.json.encode(after)


NOTHING_SECRET: Final = Redaction(())

Redact = Callable[[], Awaitable[Redaction]]
"""What to take out, as of now. Raises `StoreUnavailable`."""


async def nothing_secret() -> Redaction:
    """For what has no secrets."""
    return NOTHING_SECRET
