"""Where a browser may be sent after a sign-in (auth.md A11): a path of this server, and nowhere else."""

from __future__ import annotations

import logging
from typing import Final

MAX_BYTES: Final = 2048
_OWN_ROUTES: Final = "/auth/"
_ALLOWED_OWN_ROUTES: Final = frozenset({"/auth/cli/start", "/auth/cli/resume"})

log = logging.getLogger("fabro.auth")


def checked_return_to(value: str | None, *, prefix: str) -> str | None:
    """`value`, decoded, if a browser may be sent there; else None. `prefix` is the path of the public URL."""
    if not value:
        return None
    if _leads_to_a_page(value, prefix):
        return value
    log.warning("a return_to was dropped: it is not a path of this server")
    return None


def _leads_to_a_page(value: str, prefix: str) -> bool:
    if not value.startswith("/") or value.startswith("//") or "\\" in value:
        return False
    if any(char.isspace() or not char.isprintable() for char in value) or len(value.encode()) > MAX_BYTES:
        return False
    if prefix and value != prefix and not value.startswith((f"{prefix}/", f"{prefix}?")):
        return False
    path = value.removeprefix(prefix).partition("?")[0]
    return not path.startswith(_OWN_ROUTES) or path in _ALLOWED_OWN_ROUTES
