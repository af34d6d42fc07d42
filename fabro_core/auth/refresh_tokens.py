"""Refresh tokens (auth.md A21): what they look like, and which of them this server has issued.

Half of a token's secret authenticates the other half and the chain that it belongs to. So a token that nobody has
issued is recognised without the store, and whoever knows no more than a chain's id can neither end it nor use up its
attempts.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from typing import Final, Self

import msgspec

from fabro_core.documents.sealing import decode_base64url, encode_base64url
from fabro_core.secret import Secret

REFRESH_PREFIX: Final = "fabro_refresh_"
_RANDOM_BYTES: Final = 16
_MAC_BYTES: Final = 16

_REFRESH_TOKEN: Final = re.compile(
    REFRESH_PREFIX + r"([0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})\.([A-Za-z0-9_-]{43})"
)


class RefreshToken(msgspec.Struct, frozen=True, kw_only=True):
    """A refresh token, taken apart."""

    chain_id: str
    """UUIDv4."""
    secret: Secret

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The token that `text` is; None when it is none."""
        match = _REFRESH_TOKEN.fullmatch(text)
        return None if match is None else cls(chain_id=match[1], secret=Secret(match[2]))

    def reveal(self) -> str:
        """The token as the client keeps it: a secret."""
        return f"{REFRESH_PREFIX}{self.chain_id}.{self.secret.reveal()}"


class RefreshTokens:
    """Issues refresh tokens, and tells them from what nobody has issued."""

    def __init__(self, newest: bytes, *older: bytes) -> None:
        """Keys of 32 bytes each: the newest issues, and what any of them has issued is recognised."""
        self._keys = (newest, *older)

    def issue(self, chain_id: str) -> RefreshToken:
        """A fresh token of a chain."""
        random = os.urandom(_RANDOM_BYTES)
        secret = encode_base64url(random + _mac(self._keys[0], chain_id, random))
        return RefreshToken(chain_id=chain_id, secret=Secret(secret))

    def has_issued(self, token: RefreshToken) -> bool:
        """Whether the token was good once; False also for one from before tokens were authenticated."""
        try:
            raw = decode_base64url(token.secret.reveal())
        except ValueError:
            return False
        random, mac = raw[:_RANDOM_BYTES], raw[_RANDOM_BYTES:]
        return any(hmac.compare_digest(mac, _mac(key, token.chain_id, random)) for key in self._keys)


def _mac(key: bytes, chain_id: str, random: bytes) -> bytes:
    return hmac.new(key, chain_id.encode("ascii") + random, hashlib.sha256).digest()[:_MAC_BYTES]
