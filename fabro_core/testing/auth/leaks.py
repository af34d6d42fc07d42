"""Overhearing a method: what it says to logs, streams and warnings, what its errors tell, and whether a secret is in
there, in whatever spelling."""

from __future__ import annotations

import base64
import html
import io
import json
import logging
import math
import traceback
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, quote_plus

LEAST_SPELLED: Final = 8
"""Shorter secrets are looked for as they are: another spelling of a few characters may stand for anything."""

_USUAL: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


@dataclass(frozen=True, slots=True)
class Overheard:
    """Texts by where they were said."""

    texts: list[tuple[str, str]] = field(default_factory=list)

    def note(self, where: str, *texts: object) -> None:
        for text in texts:
            self.texts.append((where, text if isinstance(text, str) else repr(text)))

    def note_error(self, where: str, error: BaseException) -> None:
        """What an error tells whoever prints it, with what it was caused by."""
        self.note(where, *texts_of(error))


@contextmanager
def overhearing() -> Iterator[Overheard]:
    """Everything that is logged, printed or warned of meanwhile, by whichever logger and thread."""
    heard = Overheard()
    records: list[logging.LogRecord] = []
    make = logging.getLogRecordFactory()

    def making(*arguments: Any, **named: Any) -> logging.LogRecord:
        record = make(*arguments, **named)
        records.append(record)
        return record

    root = logging.getLogger()
    level = root.level
    out, err = io.StringIO(), io.StringIO()
    logging.setLogRecordFactory(making)
    root.setLevel(logging.DEBUG)
    try:
        with redirect_stdout(out), redirect_stderr(err), warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            yield heard
    finally:
        root.setLevel(level)
        logging.setLogRecordFactory(make)
        for record in records:
            heard.note("the log", *_record_texts(record))
        heard.note("a warning", *(str(each.message) for each in warned))
        heard.note("what is printed", out.getvalue(), err.getvalue())


def _record_texts(record: logging.LogRecord) -> Iterator[str]:
    with suppress(Exception):  # a message that does not fit its arguments
        yield record.getMessage()
    yield from map(str, (record.msg, record.args, record.stack_info))
    yield repr(record.args)
    yield repr({name: value for name, value in vars(record).items() if name not in _USUAL})
    if record.exc_info and record.exc_info[1] is not None:
        yield from texts_of(record.exc_info[1])


def texts_of(error: BaseException, seen: frozenset[int] = frozenset()) -> Iterator[str]:
    """What can be read of an error: message, arguments, notes and attributes, and those of what a traceback of it shows
    besides: causes, contexts that are not suppressed, members of a group."""
    if id(error) in seen:
        return
    yield from (str(error), repr(error), repr(error.args), repr(getattr(error, "__dict__", {})))
    yield from traceback.format_exception_only(error)
    others = [error.__cause__, None if error.__suppress_context__ else error.__context__]
    others += error.exceptions if isinstance(error, BaseExceptionGroup) else []
    for other in others:
        if other is not None:
            yield from texts_of(other, seen | {id(error)})


def require_unsaid(secrets: Mapping[str, str], heard: Overheard) -> None:
    """Fail when a secret, by its name, is in a text."""
    found = [
        f"{name} is in {where}, {spelling}"
        for name, secret in secrets.items()
        for where, text in heard.texts
        if (spelling := spelling_in(text, secret)) is not None
    ]
    assert not found, f"a secret is never shown (auth.md A26): {'; '.join(dict.fromkeys(found))}"


def spelling_in(text: str, secret: str) -> str | None:
    """How a text has a secret, or a good part of it; None when it has not."""
    texts = (text.casefold(), "".join(text.split()).casefold())
    for name, spelled in spellings(secret):
        pieces = {"whole": spelled}
        if len(secret) >= 2 * LEAST_SPELLED:
            pieces |= {
                "its second half": spelled[len(spelled) // 2 :],
                "but for its end": spelled[: math.ceil(len(spelled) * 3 / 4)],
            }
        for part, piece in pieces.items():
            if piece and any(piece.casefold() in each for each in texts):
                return name if part == "whole" else f"{name}, {part}"
    return None


def spellings(secret: str) -> Iterator[tuple[str, str]]:
    """A secret as texts may spell it."""
    yield "as it is", secret
    if len(secret) < LEAST_SPELLED:
        return
    raw = secret.encode("utf-8", "surrogatepass")
    yield "percent-encoded", quote(raw, safe="")
    yield "percent-encoded", quote_plus(raw)
    yield "percent-encoded", "".join(f"%{byte:02x}" for byte in raw)
    yield "as JSON", json.dumps(secret)[1:-1]
    yield "as JSON", "".join(f"\\u{ord(character):04x}" for character in secret)
    yield "escaped", repr(secret)[1:-1]
    yield "escaped", "".join(f"\\x{byte:02x}" for byte in raw)
    yield "as HTML", html.escape(secret)
    yield "in hexadecimal digits", raw.hex()
    yield "in numbers", ",".join(map(str, raw))
    yield "backwards", secret[::-1]
    for before in range(3):  # of what is encoded, bytes that stand before the secret move its bits
        whole = base64.b64encode(b"\0" * before + raw).decode().rstrip("=")
        cut = whole[math.ceil(before * 8 / 6) : (before + len(raw)) * 8 // 6]
        yield "in base64", cut
        yield "in base64", cut.translate(str.maketrans("+/", "-_"))
    yield "in base32", base64.b32encode(raw).decode().rstrip("=")[:-1]
