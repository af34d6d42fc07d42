"""Replaces a secret of a home (auth.md A28). A server that runs goes on with the old one until it is restarted."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from fabro_core.boot.reading import SettingsReader
from fabro_core.config.directories import exclusively
from fabro_core.config.env_file import write_env_file
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


def rotate(reader: SettingsReader, variable: str, *, undeclared: str) -> Rotated:
    """Write a fresh value of a variable into `server.env`; whatever else stands there is kept.

    Raises `RotationRefused` when no selected plugin can make one, with the text `undeclared`, when the environment has
    one, which would win, and when the file cannot be written; `StartupError` when the settings cannot be read.
    """
    _, declared = reader.secret_variables()
    generate = next((each.generate for each in declared if each.name == variable), None)
    if generate is None:
        raise RotationRefused(undeclared)
    if reader.environ.get(variable):
        raise RotationRefused(f"{variable} is set in the environment, which wins over server.env; change it there")
    home = home_directory(reader.environ)
    path, secret = home / "server.env", Secret(generate())
    try:
        with exclusively(home):
            write_env_file(path, {variable: secret.reveal()})
    except OSError as error:
        raise RotationRefused(f"cannot write {path}: {error.strerror}") from None
    return Rotated(path, secret)
