"""Keys for one purpose each, derived from the server's session secret (auth.md A14, RFC 5869)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from fabro_core.documents.sealing import Seal
from fabro_core.secret import Secret

KEY_BYTES: Final = 32


class Purpose(StrEnum):
    """What a key is for; the value keeps keys of different purposes apart."""

    COOKIES = "fabro-cookie-v2"
    ACCESS_TOKENS = "fabro-jwt-hs256-v1"
    WORKER_TOKENS = "fabro-worker-jwt-v1"
    REFRESH_TOKENS = "fabro-refresh-v1"
    DOCUMENTS = "fabro-doc-v1"
    SECRETS = "fabro-secrets-v1"


class SessionSecrets(msgspec.Struct, frozen=True):
    """What keys are derived from."""

    newest: Secret
    """Seals and signs."""
    previous: Secret | None = None
    """What stood in its place before, as long as that still has to open what it has sealed; None: nothing."""

    def keys(self, purpose: Purpose) -> tuple[bytes, ...]:
        """The key for a purpose, and after it the one of the previous secret."""
        secrets = (self.newest,) if self.previous is None else (self.newest, self.previous)
        return tuple(derive_key(secret, purpose) for secret in secrets)


def derive_key(session_secret: Secret, purpose: Purpose) -> bytes:
    """The key for a purpose: the same on every server with this secret."""
    material = session_secret.reveal().encode("utf-8", "surrogateescape")
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=purpose.encode()).derive(material)


def seal_of(purpose: Purpose, newest: Secret | None, previous: Secret | None) -> Seal | None:
    """What seals for a purpose with the newest session secret, and opens what the previous one has sealed too; None
    without a session secret."""
    return None if newest is None else Seal(*SessionSecrets(newest, previous).keys(purpose))
