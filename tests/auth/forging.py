"""Signed tokens made by hand, without the library that the server uses: with any header, payload and signature."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any


def forged(header: Mapping[str, Any], payload: bytes, key: bytes, *, digest: str = "sha256") -> str:
    """A token of three parts whose HMAC is right for `key` and `digest` (RFC 7515 §3)."""
    signed = f"{_part(json.dumps(header).encode())}.{_part(payload)}"
    return f"{signed}.{_part(hmac.new(key, signed.encode(), digest).digest())}"


def decoded(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a token, unverified."""
    header, claims = (json.loads(urlsafe_b64decode(part + "==")) for part in token.split(".")[:2])
    return header, claims


def is_signed_with(token: str, key: bytes) -> bool:
    """Whether the token's signature is its HMAC-SHA-256."""
    signed, _, signature = token.rpartition(".")
    return signature == _part(hmac.new(key, signed.encode(), hashlib.sha256).digest())


def _part(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()
