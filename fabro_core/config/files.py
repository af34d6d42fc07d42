"""The settings file: where it is, and its TOML (server.md S14). What the TOML means is `fabro_core.config.load`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from fabro_core.config.secrets import variable
from fabro_core.context import Problem
from fabro_core.text import content_of


class Location(NamedTuple):
    """The settings file that counts."""

    path: Path
    named_by: str | None
    """`--config` or `FABRO_CONFIG`; None for the default place in the home."""

    @property
    def is_fresh(self) -> bool:
        """Whether nobody has named a file and there is none. One that cannot be looked at is there."""
        try:
            return self.named_by is None and not self.path.exists()
        except OSError:
            return False


class Unreadable(Exception):
    """The file cannot be read or is not TOML: nothing else can be checked."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.line())


def locate(config: Path | None, environ: Mapping[str, str], home: Path) -> Location:
    """The file: the flag's, else `$FABRO_CONFIG`, else `<home>/settings.toml`."""
    if config is not None:
        return Location(config.absolute(), "--config")
    named = variable(environ, "FABRO_CONFIG")
    if named is not None:
        return Location(Path(named).absolute(), "FABRO_CONFIG")
    return Location(home / "settings.toml", None)


def read_toml(location: Location) -> dict[str, Any]:
    """The document; raises `Unreadable`."""
    path = location.path
    try:
        return tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError as error:
        raise Unreadable(Problem(path=str(path), message=f"not valid TOML: {error}")) from None
    except RecursionError:
        raise Unreadable(Problem(path=str(path), message="not valid TOML: nested too deeply")) from None
    except FileNotFoundError:
        remedy = f"named by {location.named_by}" if location.named_by else 'run "fabro init"'
        raise Unreadable(Problem(path=str(path), message=f"no such file; {remedy}")) from None
    except OSError as error:
        raise Unreadable(Problem(path=str(path), message=f"cannot be read: {error.strerror}")) from None


def _text(path: Path) -> str:
    content = content_of(path)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        raise tomllib.TOMLDecodeError(f"not UTF-8 (at line {line}, column {column})") from None
