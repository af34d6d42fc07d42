"""Authenticated encryption of what clients or stores keep for the server (auth.md A14): AES-256-GCM."""

from __future__ import annotations

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fabro_core.errors import FabroError

NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16


class BadSeal(FabroError):
    """Not sealed with one of these keys for this place, or changed since."""

    def __init__(self, place: str) -> None:
        super().__init__(f"what is sealed for {place} does not open: another key sealed it, or it was changed since")


class Seal:
    """Seals with the newest of its keys, and opens what any of them has sealed.

    `place` tells what a sealed value is for, so that none can stand in for another.
    """

    def __init__(self, newest: bytes, *older: bytes) -> None:
        """Keys of 32 bytes each."""
        self._ciphers = tuple(AESGCM(key) for key in (newest, *older))

    def seal(self, plaintext: bytes, place: str) -> str:
        """Random nonce, ciphertext and tag, as base64url without padding."""
        nonce = os.urandom(NONCE_BYTES)
        return encode_base64url(nonce + self._ciphers[0].encrypt(nonce, plaintext, place.encode()))

    def open(self, sealed: str, place: str) -> bytes:
        """What was sealed. Raises `BadSeal`."""
        raw = _raw(sealed, place)
        for cipher in self._ciphers:
            opened = _opened(cipher, raw, place)
            if opened is not None:
                return opened
        raise BadSeal(place)

    def is_newest(self, sealed: str, place: str) -> bool:
        """Whether it opens with the newest key."""
        return _opened(self._ciphers[0], _raw(sealed, place), place) is not None


def _raw(sealed: str, place: str) -> bytes:
    """Nonce, ciphertext and tag. Raises `BadSeal`."""
    try:
        raw = decode_base64url(sealed)
    except ValueError as error:
        raise BadSeal(place) from error
    if len(raw) < NONCE_BYTES + _TAG_BYTES:
        raise BadSeal(place)
    return raw


def _opened(cipher: AESGCM, raw: bytes, place: str) -> bytes | None:
    """What was sealed; None: with another key, or for another place."""
    try:
        return cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], place.encode())
    except InvalidTag:
        return None


def encode_base64url(raw: bytes) -> str:
    """Without padding (RFC 4648 §5)."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def decode_base64url(text: str) -> bytes:
    """Raises `ValueError` for text that is not exactly what `encode_base64url` makes of some bytes."""
    raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    if encode_base64url(raw) != text:
        raise ValueError("not canonical base64url")
    return raw
