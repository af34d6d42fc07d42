"""The file in which logins are kept between commands (auth.md A28): mode 0600, one entry a server.

Readers need no lock, since the file is replaced as a whole. Writers hold one, so that none undoes another's change.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import msgspec

from fabro_core.client.faults import ClientFailed
from fabro_core.client.logins import Login, decode_secret, encode_secret
from fabro_core.config.directories import make_private_directory
from fabro_core.config.env_file import replace_file
from fabro_core.config.secrets import home_directory, variable
from fabro_core.text import content_of

LOCATION: Final = "FABRO_AUTH_FILE"


class _Document(msgspec.Struct, frozen=True, kw_only=True):
    version: Literal[1] = 1
    servers: dict[str, Login] = {}


def credentials_path(environ: Mapping[str, str]) -> Path:
    """`$FABRO_AUTH_FILE`, else `<home>/auth.json`."""
    chosen = variable(environ, LOCATION)
    return Path(chosen).absolute() if chosen is not None else home_directory(environ) / "auth.json"


class CredentialsFile:
    """Logins by the name of their server. Every method raises `ClientFailed` when the file is of no use."""

    def __init__(self, path: Path) -> None:
        self._path: Final = path

    def logins(self) -> Mapping[str, Login]:
        """All of them, as of now; empty when there is no file."""
        try:
            content = content_of(self._path)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise ClientFailed(f"cannot read {self._path}: {error.strerror}") from None
        try:
            return msgspec.json.decode(content, type=_Document, dec_hook=decode_secret).servers
        except msgspec.DecodeError:
            raise ClientFailed(f"{self._path} holds no credentials of this program; move it away") from None

    @contextmanager
    def changing(self) -> Iterator[dict[str, Login]]:
        """Keep other writers out; what the block makes of the logins is written when it ends without an exception."""
        with self._locked():
            before = self.logins()
            after = dict(before)
            yield after
            if after != before:
                self._write(after)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Of a file of its own: the lock of a file that is replaced would go with it."""
        try:
            make_private_directory(self._path.parent)
            descriptor = os.open(self._path.with_name(f"{self._path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise ClientFailed(f"cannot write {self._path}: {error.strerror}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _write(self, logins: dict[str, Login]) -> None:
        content = msgspec.json.encode(_Document(servers=logins), enc_hook=encode_secret)
        try:
            replace_file(self._path, msgspec.json.format(content) + b"\n")
        except OSError as error:
            raise ClientFailed(f"cannot write {self._path}: {error.strerror}") from None
