"""`server.env`: the file in the home that supplies secrets which the environment lacks (server.md S16).

Reading and writing of its lines only; which names count, and what wins, is decided in `fabro_core.config.secrets`.
"""

from __future__ import annotations

import json
import os
import re
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from fabro_core.context import Problem
from fabro_core.text import content_of

_LINE: Final = re.compile(r"(?:export[ \t]+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)=(?P<value>.*)", re.DOTALL)
_BARE: Final = re.compile(r"[A-Za-z0-9_.~+/=:@%-]+")
_SINGLE_QUOTED: Final = re.compile(r"'(?P<text>[^']*)'\s*")


class EnvFile(NamedTuple):
    """What a `server.env` says."""

    values: Mapping[str, str]
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()


def read_env_file(path: Path) -> EnvFile:
    """Read the file; a missing one is empty. Malformed lines are problems that name the line's number."""
    try:
        content = content_of(path)
        mode = path.stat().st_mode
    except FileNotFoundError:
        return EnvFile({})
    except OSError as error:
        return EnvFile({}, (Problem(path="server.env", message=f"cannot read {path}: {error.strerror}"),))
    warnings: tuple[str, ...] = ()
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        warnings = (f"{path} can be read by other users; run: chmod 600 {path}",)
    return EnvFile(*_parse(content.decode("utf-8", "surrogateescape")), warnings)


def _parse(text: str) -> tuple[dict[str, str], tuple[Problem, ...]]:
    values: dict[str, str] = {}
    problems: list[Problem] = []
    for number, line in enumerate(_lines(text), start=1):
        try:
            values |= _entry(line)
        except ValueError as error:
            problems.append(Problem(path=f"server.env line {number}", message=str(error)))
    return values, tuple(problems)


def _lines(text: str) -> list[str]:
    """Only line feeds end a line: `str.splitlines` would also cut at characters that a value may contain."""
    return [line.removesuffix("\r") for line in text.split("\n")]


def _entry(line: str) -> dict[str, str]:
    entry = line.lstrip()
    if not entry or entry.startswith("#"):
        return {}
    match = _LINE.fullmatch(entry)
    if match is None:
        raise ValueError("expected KEY=VALUE")
    return {match["name"]: _unquoted(match["value"])}


def _unquoted(value: str) -> str:
    if value.startswith('"'):
        try:
            text = json.loads(value)
        except ValueError:
            raise ValueError("expected a JSON string between the double quotes") from None
        assert isinstance(text, str)  # JSON that starts with a quote is a string
        return text
    if value.startswith("'"):
        match = _SINGLE_QUOTED.fullmatch(value)
        if match is None:
            raise ValueError("expected a closing single quote at the end")
        return match["text"]
    return value


def write_env_file(path: Path, values: Mapping[str, str]) -> None:
    """Set variables, replacing the lines that set them and keeping every other line; atomic, mode 0600.

    Values that have anything in them but what tokens are made of are quoted.
    """
    kept = [line for line in _present_lines(path) if not _sets_any(line, values)]
    lines = [*kept, *(f"{name}={_quoted(value)}" for name, value in values.items())]
    replace_file(path, "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))


def _quoted(value: str) -> str:
    """As `_unquoted` reads it: a JSON string, which escapes line feeds and bytes that are no text."""
    return value if _BARE.fullmatch(value) else json.dumps(value)


def _present_lines(path: Path) -> list[str]:
    try:
        text = content_of(path).decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return []
    return text.removesuffix("\n").split("\n") if text else []


def _sets_any(line: str, values: Mapping[str, str]) -> bool:
    match = _LINE.fullmatch(line.lstrip())
    return match is not None and match["name"] in values


def replace_file(path: Path, content: bytes) -> None:
    """Write a file of mode 0600 so that a reader, or a crash, sees the old content or the new one."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
