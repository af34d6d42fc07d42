"""Texts that are nearly another one: changed at every place and in every length, as somebody who guesses would, or a
method that compares carelessly. Each with words that say what was changed, as the text itself is nearly a secret."""

from __future__ import annotations

import base64
import binascii
import json
import unicodedata
from collections.abc import Iterator
from typing import Final

MAX_PLACES: Final = 128
"""Of a longer text, the places at both ends and some between them are changed."""

SPACES: Final = {"a space": " ", "a tab": "\t", "a line feed": "\n", "a carriage return and line feed": "\r\n"}
LOOKALIKES: Final = dict(zip("aceiopxyABCEHIKMOPTX", "асеіорхуАВСЕНІКМОРТХ", strict=True))  # noqa: RUF001  (Cyrillic)

Variation = tuple[str, str]
"""What was changed, and the text."""


def changed(text: str, *, from_place: int = 0) -> Iterator[Variation]:
    """Texts of visible characters that differ from `text` behind `from_place`."""
    for place in places(text, from_place):
        yield from _changed_at(text, place)
    last = len(text) - 1
    for other in "AQgw048cEIMUYk-_=":
        if other != text[last]:
            yield f"its last character is another, {other!r}", text[:last] + other
    for length in places(text, max(from_place, 1)):
        yield f"only its first {length} characters", text[:length]
    for length in (1, 2, 8, 64, 1_024):
        yield f"{length} characters more at its end", text + "0" * length
    yield "itself, twice", text * 2
    yield "its last character, twice", text + text[-1]
    yield "another character in front", f"0{text}"
    yield "an equals sign at its end", f"{text}="
    yield "a comma, and itself again", f"{text},{text}"
    for name, other in (("upper", text.upper()), ("lower", text.lower()), ("swapped", text.swapcase())):
        if other != text:
            yield f"in {name} case", text[:from_place] + other[from_place:]
    yield from _unsigned(text, from_place)


def places(text: str, start: int = 0) -> list[int]:
    """Every place of a text from `start` on; of a long one, those at both ends and some between."""
    found = range(start, len(text))
    if len(found) <= MAX_PLACES:
        return list(found)
    edge = MAX_PLACES // 4
    between = range(found.start + edge, found.stop - edge, len(found) // (MAX_PLACES // 2))
    return sorted({*found[:edge], *between, *found[-edge:]})


def _changed_at(text: str, place: int) -> Iterator[Variation]:
    old = text[place]
    other = "1" if old == "0" else "0"
    yield f"another character at place {place + 1} of {len(text)}", text[:place] + other + text[place + 1 :]
    if old.swapcase() != old:
        yield f"the other case at place {place + 1}", text[:place] + old.swapcase() + text[place + 1 :]
    if place + 1 < len(text):
        yield f"without the character at place {place + 1}", text[:place] + text[place + 1 :]
        if text[place + 1] != old:
            swapped = text[:place] + text[place + 1] + old + text[place + 2 :]
            yield f"the characters at places {place + 1} and {place + 2} changed over", swapped


def _unsigned(text: str, from_place: int) -> Iterator[Variation]:
    """A JSON web token that nobody has signed (RFC 7519 §6, RFC 8725 §2.1), when `text` is one behind some prefix."""
    for start in {0, from_place}:
        parts = text[start:].split(".")
        try:
            header = json.loads(base64.urlsafe_b64decode(parts[0] + "==")) if len(parts) == 3 else None
        except (binascii.Error, ValueError):
            continue
        if isinstance(header, dict):
            for algorithm in ("none", "None", "NONE"):
                forged = base64.urlsafe_b64encode(json.dumps({**header, "alg": algorithm}).encode()).decode()
                for signature in ("", parts[2]):
                    unsigned = f"{text[:start]}{forged.rstrip('=')}.{parts[1]}.{signature}"
                    yield f"said to be signed with {algorithm!r}", unsigned
            yield "without its signature", f"{text[:start]}{parts[0]}.{parts[1]}."


def is_same_signature(token: str, other: str, prefix: str) -> bool:
    """Whether both are one JSON web token, whose signature is only written otherwise: libraries read base64 leniently,
    and what is signed is the text before it (RFC 7515 §5.2)."""
    signed, _, signature = token.removeprefix(prefix).rpartition(".")
    other_signed, _, other_signature = other.removeprefix(prefix).rpartition(".")
    if not signed.startswith("eyJ") or signed != other_signed:
        return False
    try:
        return _lenient(signature) == _lenient(other_signature)
    except binascii.Error:
        return False


def _lenient(text: str) -> bytes:
    return base64.urlsafe_b64decode(text.rstrip("=").encode("ascii", "replace") + b"==")


def spaced(text: str) -> Iterator[Variation]:
    """With white space around it, or in it."""
    for name, space in SPACES.items():
        yield f"{name} in front", space + text
        yield f"{name} at its end", text + space
    yield "a space in its middle", f"{text[: len(text) // 2]} {text[len(text) // 2 :]}"


def looking_alike(text: str) -> Iterator[Variation]:
    """What a person would take for `text`, or a method that brings texts into one form."""
    for name, other in (
        ("characters of full width", "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)),
        ("letters of another alphabet", "".join(LOOKALIKES.get(character, character) for character in text)),
        ("decomposed", unicodedata.normalize("NFD", text)),
        ("composed", unicodedata.normalize("NFC", text)),
        ("in compatibility form", unicodedata.normalize("NFKC", text)),
        ("case folded", text.casefold()),
        ("a space of no width at its end", f"{text}\u200b"),
        ("a joiner in its middle", f"{text[: len(text) // 2]}\u2060{text[len(text) // 2 :]}"),
        ("a mark of the byte order in front", f"\ufeff{text}"),
        # Not a NUL alone: HMAC pads keys with it (RFC 2104 §2), and with that PBKDF2 and scrypt their passwords.
        ("a NUL and more at its end", f"{text}\0x"),
        ("a letter that ASCII leaves out at its end", f"{text}ü"),
    ):
        if other != text:
            yield name, other


FOREIGN: Final = (
    ("nothing", ""),
    ("a dev token", "fabro_dev_" + "0" * 64),
    ("a worker key", "fabro_worker_" + "0" * 64),
    ("a refresh token", "fabro_refresh_6f1f0a52-0d2e-4a55-9d0e-3a4f4f3c9b11." + "A" * 43),
    ("a token of GitHub", "ghp_" + "0" * 36),
    ("a JSON web token without a signature", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiIsImxvZ2luIjoiYWRtaW4ifQ."),
    ("a password", "password"),
    ("the word null", "null"),
    ("the word undefined", "undefined"),
    ("a quotation mark and SQL", "'OR'1'='1'--"),
    ("a path", "../../../../etc/passwd"),
    ("a pattern", ".*"),
    ("a template", "%s%n{0}${x}"),
)
"""What is nobody's token of any method."""
