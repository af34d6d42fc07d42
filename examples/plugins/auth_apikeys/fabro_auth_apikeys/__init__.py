"""An auth method with static API keys for several users; the file beside it knows only their hashes.

An example of a plugin by somebody else: it imports nothing but the public names of `fabro_core`.
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from fabro_core import PluginContext, Problem, StartupError, hookimpl
from fabro_core.auth import AuthMethod, Bearer, CredentialsRejected, Identity

from fabro_auth_apikeys.keys import PREFIX, MalformedFile, StoredKey, digest_of, id_of, read_keys

__all__ = ["ApiKeyAuth", "ApiKeySettings", "fabro_auth_method", "fabro_settings"]

FABRO_PLUGIN_API = 1


class ApiKeySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may use the server, by API key."""

    file: Path
    """The file of keys, mode 0600; a relative path starts at the settings file."""


class ApiKeyAuth(AuthMethod):
    """Finds the key by its public id and compares the digest of the rest in constant time."""

    token_prefixes = (PREFIX,)

    def __init__(self, file: Path) -> None:
        self._file = file
        self._keys: Mapping[str, StoredKey] = {}
        self._logins: frozenset[str] = frozenset()

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Holds the keys. Raises `StartupError` with everything that is wrong with the file."""
        self._keys = self._read()
        self._logins = frozenset(key.login for key in self._keys.values())
        yield

    def _read(self) -> dict[str, StoredKey]:
        try:
            return read_keys(self._file)
        except OSError as error:
            faults = [f"cannot be read: {error.strerror}"]
        except MalformedFile as error:
            faults = [*error.faults]
        path = f"server.auth.{self.name}.file"
        raise StartupError([Problem(path=path, message=f"{self._file}: {fault}") for fault in faults])

    async def authenticate(self, credential: Bearer, /) -> Identity:
        """The user of a key. Raises `CredentialsRejected` for every other token."""
        given = credential.token.reveal()
        stored = self._keys.get(id_of(given) or "")
        if stored is None or not hmac.compare_digest(stored.digest, digest_of(given)):
            raise CredentialsRejected
        return Identity(issuer=f"fabro:{self.name}", subject=stored.login, login=stored.login)

    async def permits(self, identity: Identity, /) -> bool:
        return identity.login in self._logins


@hookimpl
def fabro_settings() -> type[ApiKeySettings]:
    return ApiKeySettings


@hookimpl
def fabro_auth_method(ctx: PluginContext) -> AuthMethod:
    return ApiKeyAuth(ctx.settings.file)
