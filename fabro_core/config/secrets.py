"""Secrets: how settings declare them and where their values come from (server.md S16, auth.md A26).

The one module that touches the process environment. A plugin never does: it declares a field of its settings Struct
as `Annotated[Secret, from_env("ACME_TOKEN")]` and finds the value there. A value written in TOML is refused.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fabro_core.context import Problem
from fabro_core.secret import Secret


@dataclass(frozen=True, slots=True)
class SecretVariable:
    """Declares that a secret is read from an environment variable, or from `server.env`; see `from_env`."""

    name: str
    expected: str
    valid: Callable[[str], object]
    generate: Callable[[], str] | None


def _anything(text: str) -> object:
    return True


def from_env(
    name: str,
    *,
    expected: str = "a value",
    valid: Callable[[str], object] = _anything,
    generate: Callable[[], str] | None = None,
) -> SecretVariable:
    """Annotate a `Secret` field of a settings Struct: `Annotated[Secret, from_env("ACME_TOKEN")]`.

    `valid` returns something true for a well-formed value (`re.compile(…).fullmatch` fits); `expected` then completes
    the operator's message "expected …". `generate` makes a fresh value: with it, `fabro init` writes the variable
    into `server.env` when it is missing. A field with a default is optional.
    """
    return SecretVariable(name, expected, valid, generate)


def process_environment() -> Mapping[str, str]:
    """The environment of this process."""
    return os.environ


def child_environment(**additions: str) -> dict[str, str]:
    """The environment for a child process: this one's own, nothing from `server.env` (server.md S16)."""
    return {**os.environ, **additions}


def variable(environ: Mapping[str, str], name: str) -> str | None:
    """The value of a variable that is no secret; None when unset or blank."""
    value = environ.get(name, "")
    return value if value.strip() else None


def home_directory(environ: Mapping[str, str]) -> Path:
    """`$FABRO_HOME`, else `$HOME/.fabro`, as an absolute path (server.md S1)."""
    chosen = variable(environ, "FABRO_HOME")
    if chosen is not None:
        return Path(chosen).absolute()
    home = variable(environ, "HOME")
    return (Path(home) if home is not None else Path.home()).absolute() / ".fabro"


class SecretSource:
    """Where values of secrets come from: the environment first, then `server.env`, variable by variable."""

    def __init__(self, environ: Mapping[str, str], env_file: Mapping[str, str]) -> None:
        self._places: Final = (("the environment", environ), ("server.env", env_file))

    def find(self, declared: SecretVariable) -> Secret | Problem | None:
        """The secret; a problem when its value is malformed; None when it is missing or empty."""
        for place, values in self._places:
            value = values.get(declared.name)
            if value:
                return Secret(value) if declared.valid(value) else _malformed(declared, place)
        return None


def missing(declared: SecretVariable, reason: str) -> Problem:
    """The problem of a secret that has no value; `reason` completes "required …"."""
    remedy = 'run "fabro init" or set the variable' if declared.generate else "set the variable"
    return Problem(path=declared.name, message=f"required {reason}; {remedy}")


def _malformed(declared: SecretVariable, place: str) -> Problem:
    return Problem(path=declared.name, message=f"expected {declared.expected}, found another value in {place}")
