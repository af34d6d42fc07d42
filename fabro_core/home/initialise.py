"""Makes a home usable (server.md S19): the settings file, and the secrets that nobody needs to choose.

What exists is kept, byte for byte. Nothing is written when there is a problem.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fabro_core.boot.reading import SESSION_SECRET, SettingsReader
from fabro_core.boot.report import in_order
from fabro_core.config.directories import exclusively, make_private_directory
from fabro_core.config.env_file import replace_file, write_env_file
from fabro_core.config.files import locate
from fabro_core.config.secrets import home_directory
from fabro_core.context import Problem
from fabro_core.errors import StartupError
from fabro_core.secret import Secret

TEMPLATE: Final = """\
# Settings of Fabro Server. Relative paths are relative to this file.
# Secrets do not belong here: they are in server.env, or in the environment.
_version = 1

[server.auth]
methods = ["dev-token"]

# [server.listen]
# type = "tcp"
# address = "127.0.0.1:32276"

# [server.web]
# enabled = true
# url = "http://localhost:32276"

# [server.store]
# kind = "sqlite"

# [server.storage]
# root = "storage"

# [server.logging]
# level = "info"
# format = "text"

# [server.limits]
# max_body_bytes = 2097152
# login_attempts_per_minute = 10
# sse_max_seconds = 0

# [server.scheduler]
# max_concurrent_runs = 5
"""
"""The settings file of a new home."""


@dataclass(frozen=True, slots=True)
class Initialised:
    """What `initialise` did."""

    lines: tuple[str, ...]
    """For the operator: what was created and what was kept; never a value."""
    credentials: Mapping[str, Secret]
    """The secrets to sign in with, by variable; for a terminal only."""


def is_first_start(config: Path | None, environ: Mapping[str, str]) -> bool:
    """Whether nobody has named a settings file and the default one is missing."""
    return locate(config, environ, home_directory(environ)).is_fresh


def initialise(reader: SettingsReader) -> Initialised:
    """Create what is missing. Raises `StartupError`; then nothing was written."""
    home = home_directory(reader.environ)
    _plan(reader)
    try:
        home_created = make_private_directory(home)
        with exclusively(home):
            plan = _plan(reader)  # another process may have been faster
            _carry_out(plan)
    except OSError as error:
        message = f"cannot be written: {error.strerror}"
        raise StartupError([Problem(path=str(error.filename or home), message=message)]) from None
    return Initialised((_line(home, home_created), *plan.lines()), plan.credentials())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What there is, and what is to be made."""

    settings_path: Path
    settings_missing: bool
    env_path: Path
    present: Mapping[str, Secret]
    """Secrets that exist already."""
    generated: Mapping[str, Secret]
    """Fresh values for those that do not."""
    in_environment: frozenset[str]

    def lines(self) -> list[str]:
        """One for each item, and where to find the credentials."""
        secrets = [_line(self._place(name), name in self.generated, name) for name in (*self.present, *self.generated)]
        pointers = [f"The token is {name} in {self._place(name)}" for name in self.credentials()]
        return [_line(self.settings_path, self.settings_missing), *sorted(secrets), *pointers]

    def credentials(self) -> dict[str, Secret]:
        """All but the core's own secret."""
        return {
            name: value for name, value in {**self.present, **self.generated}.items() if name != SESSION_SECRET.name
        }

    def _place(self, name: str) -> Path | str:
        return "the environment" if name in self.in_environment else self.env_path


def _line(place: Path | str, created: bool, variable: str | None = None) -> str:
    done = "created" if created else "kept"
    return f"{done} {place}: {variable}" if variable else f"{done} {place}"


def _plan(reader: SettingsReader) -> _Plan:
    environ = reader.environ
    home = home_directory(environ)
    location = locate(None, environ, home)
    first_start = is_first_start(None, environ)
    source, declared = reader.secret_variables(tomllib.loads(TEMPLATE) if first_start else None)
    problems: list[Problem] = []
    present: dict[str, Secret] = {}
    generated: dict[str, Secret] = {}
    for secret in declared:
        if secret.generate is None:
            continue
        match source.find(secret):
            case Problem() as problem:
                problems.append(problem)
            case Secret() as value:
                present[secret.name] = value
            case None:
                generated[secret.name] = Secret(secret.generate())
    if problems:
        raise StartupError(in_order(problems))
    return _Plan(
        settings_path=location.path,
        settings_missing=first_start,
        env_path=home / "server.env",
        present=present,
        generated=generated,
        in_environment=frozenset(name for name in present if environ.get(name)),
    )


def _carry_out(plan: _Plan) -> None:
    """The secrets first: a home with a settings file counts as initialised."""
    if plan.generated:
        write_env_file(plan.env_path, {name: value.reveal() for name, value in plan.generated.items()})
    if plan.settings_missing:
        replace_file(plan.settings_path, TEMPLATE.encode())
