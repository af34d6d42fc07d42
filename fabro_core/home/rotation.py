"""Replaces the dev token of a home (auth.md A28). A server that runs goes on with the old one until it is restarted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from fabro_core.boot.assembly import secret_variables
from fabro_core.config.directories import exclusively
from fabro_core.config.env_file import write_env_file
from fabro_core.config.secrets import home_directory
from fabro_core.errors import FabroError
from fabro_core.secret import Secret

VARIABLE: Final = "FABRO_DEV_TOKEN"


class RotationRefused(FabroError):
    """Nothing was changed; the text tells the operator why."""


class Rotated(NamedTuple):
    """A token that is in its place."""

    path: Path
    """The file that it was written to."""
    token: Secret


def rotate_dev_token(environ: Mapping[str, str]) -> Rotated:
    """Write a new dev token into `server.env`; whatever else stands there is kept.

    Raises `RotationRefused` when no selected method uses the token, when the environment has one, which would win, and
    when the file cannot be written; `StartupError` when the settings cannot be read.
    """
    _, declared = secret_variables(environ=environ)
    generate = next((each.generate for each in declared if each.name == VARIABLE), None)
    if generate is None:
        raise RotationRefused("the auth method dev-token is not enabled")
    if environ.get(VARIABLE):
        raise RotationRefused(f"{VARIABLE} is set in the environment, which wins over server.env; change it there")
    home = home_directory(environ)
    path, token = home / "server.env", Secret(generate())
    try:
        with exclusively(home):
            write_env_file(path, {VARIABLE: token.reveal()})
    except OSError as error:
        raise RotationRefused(f"cannot write {path}: {error.strerror}") from None
    return Rotated(path, token)
