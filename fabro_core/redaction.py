"""Taking the values of secrets out of what is shown (events.md E2). Knows no store, and not where values come from."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

REDACTED: Final = "[REDACTED]"

MIN_CHARS: Final = 8
"""Shorter values stay: they occur by chance, and what they hide is soon guessed."""

_OTHER_SPELLING: Final = re.compile(rb"\\[u/]")
"""In JSON: an escape that we would not write, so that what we look for may be spelt otherwise."""


class Redaction:
    """Replaces each occurrence of some values. What holds none of them stays the same object."""

    def __init__(self, values: Iterable[str]) -> None:
        # The longest first: of a value and another that it begins with, all of it goes.
        texts = sorted({each for each in values if len(each) >= MIN_CHARS}, key=len, reverse=True)
        self._text = re.compile("|".join(map(re.escape, texts))) if texts else None
        self._encoded = re.compile(b"|".join(re.escape(msgspec.json.encode(each)[1:-1]) for each in texts))

    def text(self, text: str) -> str:
        return text if self._text is None else self._text.sub(REDACTED, text)

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

    def json(self, body: bytes) -> bytes:
        """An encoded JSON value. It is decoded only if it may hold one of the values: a number may read like one."""
        if self._text is None or not (self._encoded.search(body) or _OTHER_SPELLING.search(body)):
            return body
        before = msgspec.json.decode(body)
        after = self.value(before)
        return body if after == before else msgspec.json.encode(after)


NOTHING_SECRET: Final = Redaction(())
