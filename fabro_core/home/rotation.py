"""Replaces a secret of a home (auth.md A28). A server that runs goes on with the old one until it is restarted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from fabro_core.boot.reading import SESSION_SECRET, SESSION_SECRET_PREVIOUS, SettingsReader
from fabro_core.config.directories import exclusively
from fabro_core.config.env_file import read_env_file, write_env_file
from fabro_core.config.secrets import home_directory
from fabro_core.errors import FabroError
from fabro_core.secret import Secret


class RotationRefused(FabroError):
    """Nothing was changed; the text tells the operator why."""


class Rotated(NamedTuple):
    """A secret that is in its place."""

    path: Path
    """The file that it was written to."""
    secret: Secret


class RotatedSessionSecret(NamedTuple):
    """A session secret that is in its place."""

    path: Path
    """The file that it was written to."""
    is_kept: bool
    """The one before is kept; otherwise no server could have started with it."""


def rotate(reader: SettingsReader, variable: str, *, undeclared: str) -> Rotated:
    """Write a fresh value of a variable into `server.env`; whatever else stands there is kept.

    Raises `RotationRefused` when no selected plugin can make one, with the text `undeclared`, when the environment has
    one, which would win, and when the file cannot be written; `StartupError` when the settings cannot be read.
    """
    _, declared = reader.secret_variables()
    generate = next((each.generate for each in declared if each.name == variable), None)
    if generate is None:
        raise RotationRefused(undeclared)
    _refuse_environment(reader, variable)
    secret = Secret(generate())
    return Rotated(_written(reader, lambda _: {variable: secret.reveal()}), secret)


def rotate_session_secret(reader: SettingsReader) -> RotatedSessionSecret:
    """Write a fresh `SESSION_SECRET` into `server.env` and keep the one before as `SESSION_SECRET_PREVIOUS`, which only
    opens.

    Raises `RotationRefused` when the environment has one of them, which would win, when there is none yet, when the
    one before that is still kept, and when the file cannot be written.
    """
    newest, previous = SESSION_SECRET.name, SESSION_SECRET_PREVIOUS.name
    for variable in (newest, previous):
        _refuse_environment(reader, variable)
    assert SESSION_SECRET.generate is not None
    fresh = SESSION_SECRET.generate()
    is_kept = False

    def changed(present: Mapping[str, str]) -> dict[str, str]:
        nonlocal is_kept
        before = present.get(newest)
        if not before:
            raise RotationRefused(f'there is no {newest} to replace; run "fabro init"')
        if present.get(previous):
            raise RotationRefused(
                f"{previous} is still in server.env, and a third secret would lose what it has sealed; start every "
                "server, and remove it when they say that it can go"
            )
        is_kept = bool(SESSION_SECRET.valid(before))
        return {newest: fresh, **({previous: before} if is_kept else {})}

    path = _written(reader, changed)
    return RotatedSessionSecret(path, is_kept)


def _refuse_environment(reader: SettingsReader, variable: str) -> None:
    if reader.environ.get(variable):
        raise RotationRefused(f"{variable} is set in the environment, which wins over server.env; change it there")


_Change = Callable[[Mapping[str, str]], Mapping[str, str]]
"""Given what the file has, the variables to set. Raises `RotationRefused`."""


def _written(reader: SettingsReader, change: _Change) -> Path:
    """Change `server.env`, with nobody else doing so; its path. Raises `RotationRefused`."""
    home = home_directory(reader.environ)
    path = home / "server.env"
    try:
        with exclusively(home):
            write_env_file(path, change(read_env_file(path).values))
    except OSError as error:
        raise RotationRefused(f"cannot write {path}: {error.strerror}") from None
    return path
