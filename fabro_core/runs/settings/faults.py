"""What is wrong with the settings of a run: where, what, and what to write instead (run-settings.md T1.1)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from fabro_core.errors import InvalidRequest
from fabro_core.runs.settings.toml_places import Path, Step

MAX_FAULTS: Final = 20
"""Named at once; a file of another kind can have thousands, and nobody looks for more than one beyond these."""

_MAX_CHARS: Final = 80
"""Of a key or a value that a message repeats."""

_MAX_FILE_CHARS: Final = 200

_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_BARE_KEYS: Final = re.compile(rf"{_BARE_KEY.pattern}(?:\.{_BARE_KEY.pattern})*")


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """A fault and its place."""

    file: str | None = None
    """As the manifest names it; None for what no file says."""
    line: int | None = None
    column: int | None = None
    path: Path = ()
    reason: str
    """A sentence without full stop that completes the path."""

    def __str__(self) -> str:
        file = cut(self.file or "", _MAX_FILE_CHARS)
        place = file if self.line is None else f"{file}:{self.line}:{self.column}"
        stop = "" if self.reason.endswith("?") else "."
        return ": ".join([*filter(None, [place, dotted(self.path)]), f"{self.reason}{stop}"])


Report = Callable[[Path, str], None]
"""Told of a fault of merged settings: its path, and a sentence without full stop."""


class RefusedSettings(InvalidRequest):
    """The settings of a run have faults; the detail tells them line by line."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        more = ["There are more."] if len(faults) > MAX_FAULTS else []
        super().__init__("\n".join([*map(str, faults[:MAX_FAULTS]), *more]))


def dotted(path: Path) -> str:
    """`run.hooks[1].event`; keys are quoted where TOML asks for it."""
    keys = [step for step in path if isinstance(step, str)]
    bare = ".".join(keys)
    if len(keys) == len(path) == bare.count(".") + 1 and len(bare) <= _MAX_CHARS and _BARE_KEYS.fullmatch(bare):
        return bare  # as nearly every path is
    return "".join(_shown_step(step) for step in path).removeprefix(".")


def quoted(text: str) -> str:
    """A text of a client for a message, cut when it is long."""
    return json.dumps(cut(text, _MAX_CHARS), ensure_ascii=False)


def cut(text: str, most: int) -> str:
    """A text, or its beginning."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def listed(words: Iterable[str], conjunction: str = "or") -> str:
    """`a, b or c`."""
    *first, last = words
    return f"{', '.join(first)} {conjunction} {last}" if first else last


def _shown_step(step: Step) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step if _BARE_KEY.fullmatch(step) and len(step) <= _MAX_CHARS else quoted(step)}"
