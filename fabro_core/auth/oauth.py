"""The rules of OAuth that a command-line login keeps: where a code may be brought to (RFC 8252 §7.3), and the proof
that who exchanges it has asked for it (RFC 7636)."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final
from urllib.parse import urlencode

from fabro_core.documents.sealing import encode_base64url
from fabro_core.secret import Secret

MAX_PORT: Final = 65535
_HTTP_PORT: Final = 80
"""Browsers drop it from a URL, so the URL that they go to would not be the one that was asked for."""

_REDIRECT_URI: Final = re.compile(r"http://(?:127\.0\.0\.1|\[::1\]):([1-9][0-9]{0,4})/callback")
_STATE: Final = re.compile(r"[A-Za-z0-9_-]{16,512}")
_CODE_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")


def is_redirect_uri(text: str) -> bool:
    """Whether a program on the browser's own machine listens there: a loopback address, never a name (auth.md A19)."""
    match = _REDIRECT_URI.fullmatch(text)
    return match is not None and int(match[1]) <= MAX_PORT and int(match[1]) != _HTTP_PORT


def is_state(text: str) -> bool:
    """Whether it is long enough that nobody guesses it, and needs no escaping."""
    return _STATE.fullmatch(text) is not None


def is_code_challenge(text: str) -> bool:
    """Whether it can be the base64url of a SHA-256 (RFC 7636 §4.2)."""
    return _CODE_CHALLENGE.fullmatch(text) is not None


def proves(verifier: Secret, code_challenge: str) -> bool:
    """Whether the challenge was made of this verifier, with the method S256 (RFC 7636 §4.6)."""
    made = encode_base64url(hashlib.sha256(verifier.reveal().encode()).digest())
    return hmac.compare_digest(made, code_challenge)


def back_to_client(redirect_uri: str, **parameters: str) -> str:
    """The URL that brings `parameters` to the program that listens at `redirect_uri`."""
    return f"{redirect_uri}?{urlencode(parameters)}"
