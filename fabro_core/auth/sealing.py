"""Authenticated encryption of what clients or stores keep for the server (auth.md A14): AES-256-GCM."""

from __future__ import annotations

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16


class BadSeal(Exception):
    """Not sealed with this key for this place, or changed since."""


class Seal:
    """Seals with one key. `place` tells what a sealed value is for, so that none can stand in for another."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, plaintext: bytes, place: str) -> str:
        """Random nonce, ciphertext and tag, as base64url without padding."""
        nonce = os.urandom(NONCE_BYTES)
        return encode_base64url(nonce + self._cipher.encrypt(nonce, plaintext, place.encode()))

    def open(self, sealed: str, place: str) -> bytes:
        """What was sealed. Raises `BadSeal`."""
        try:
            raw = decode_base64url(sealed)
        except ValueError as error:
            raise BadSeal from error
        if len(raw) < NONCE_BYTES + _TAG_BYTES:
            raise BadSeal
        try:
            return self._cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], place.encode())
        except InvalidTag as error:
            raise BadSeal from error


def encode_base64url(raw: bytes) -> str:
    """Without padding (RFC 4648 §5)."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def decode_base64url(text: str) -> bytes:
    """Raises `ValueError` for text that is not exactly what `encode_base64url` makes of some bytes."""
    raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    if encode_base64url(raw) != text:
        raise ValueError("not canonical base64url")
    return raw


def random_token() -> str:
    """32 random bytes as base64url: states, codes and the like."""
    return encode_base64url(os.urandom(32))
