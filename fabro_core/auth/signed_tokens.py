"""Signed tokens: JSON Web Tokens with one algorithm, HS256 (RFC 7515, RFC 7519). Claims are the business of callers."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fabro_core.auth.remembered import Remembered
from fabro_core.documents.sealing import decode_base64url

if TYPE_CHECKING:
    from joserfc.jwk import OctKey

ALGORITHM: Final = "HS256"


class Header(msgspec.Struct, frozen=True):
    """What tells tokens of different keys apart. Not trustworthy by itself."""

    alg: str
    kid: str | None = None


class BadToken(Exception):
    """Not a token that was signed with the key."""


def header_of(token: str) -> Header | None:
    """The header that a token claims to have; None for text that is no token of three parts."""
    parts = token.split(".")
    if len(parts) != 3 or not all(parts):
        return None
    try:
        return msgspec.json.decode(decode_base64url(parts[0]), type=Header)
    except (ValueError, msgspec.MsgspecError, RecursionError):
        return None


class TokenSigner:
    """Signs and verifies with one key. The library is loaded with the first token, as few servers see one at once."""

    def __init__(self, key: bytes, *, kid: str | None = None) -> None:
        self._secret = key
        self._header: Final = {"alg": ALGORITHM, "typ": "JWT"} | ({} if kid is None else {"kid": kid})
        self._payloads: Remembered[bytes] = Remembered()

    @cached_property
    def _key(self) -> OctKey:
        from joserfc.jwk import OctKey

        return OctKey.import_key(self._secret)

    def sign(self, claims: msgspec.Struct) -> str:
        """A token with these claims."""
        from joserfc import jws

        return jws.serialize_compact(self._header, msgspec.json.encode(claims), self._key, algorithms=[ALGORITHM])

    def verify(self, token: str, claims: type[Any]) -> Any:
        """The claims of a token, decoded as `claims`. Raises `BadToken`."""
        try:
            digest = self._payloads.digest(token)
            return msgspec.json.decode(self._payloads.get(digest) or self._verify(token, digest), type=claims)
        except (ValueError, msgspec.MsgspecError, RecursionError) as error:
            raise BadToken from error

    def _verify(self, token: str, digest: bytes) -> bytes:
        """What is signed. Raises `BadToken`, or `ValueError`."""
        from joserfc import jws
        from joserfc.errors import JoseError

        try:
            payload = jws.deserialize_compact(token, self._key, algorithms=[ALGORITHM]).payload
        except JoseError as error:
            raise BadToken from error
        self._payloads.keep(digest, payload)
        return payload
