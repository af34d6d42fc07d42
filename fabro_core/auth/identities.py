"""What the texts of an identity may be. They are stored, signed into tokens, sealed into cookies, logged and shown, so
the core refuses an identity that breaks these rules before anything is made of it (auth.md A1).
"""

from __future__ import annotations

import re
from typing import Final

from fabro_core.auth.base import Identity
from fabro_core.unseen import escaped_for_page

MAX_BYTES: Final = {
    "issuer": 255,
    "subject": 255,
    "login": 255,
    "name": 255,
    "email": 320,
    "avatar_url": 1024,
    "user_url": 1024,
}
"""Of each text, in UTF-8. A cookie, of 4096 bytes at most (RFC 6265 §6.1), holds the first three, and an access token,
of 8192 (auth.md A4), holds all, however much their JSON has to escape."""

REQUIRED: Final = frozenset({"issuer", "subject", "login"})

_WEB_URL: Final = re.compile(r"https?://[^\x00-\x20\"<>\\^`{|}\x7f-\U0010ffff]+")
_LINE_BREAKERS: Final = re.compile(r"[\t\n\r]")


def identity_fault(identity: Identity) -> str | None:
    """What is wrong with an identity, without any of its values; None when nothing is."""
    for field, most in MAX_BYTES.items():
        text: object = getattr(identity, field)  # a Struct does not check what it is made of
        fault = _fault(text, most, required=field in REQUIRED, is_url=field.endswith("_url"))
        if fault is not None:
            return f"Identity.{field} {fault}"
    return None


def _fault(text: object, most: int, *, required: bool, is_url: bool) -> str | None:
    if not isinstance(text, str):
        return f"is no text, but {type(text).__name__}"
    if not text:
        return "is empty" if required else None
    plain = text.isascii() and text.isprintable()
    if len(text) > most or not (plain or len(text.encode("utf-8", "surrogatepass")) <= most):
        return f"has more than {most} bytes"
    if is_url:
        return None if _WEB_URL.fullmatch(text) else "is no absolute http(s) URL"
    if not plain and (_LINE_BREAKERS.search(text) or escaped_for_page(text) != text):
        return "has a control character, or another that nobody sees"
    return "begins or ends with white space" if required and (text[0].isspace() or text[-1].isspace()) else None
