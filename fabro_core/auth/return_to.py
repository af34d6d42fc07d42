"""Where a browser may go after a sign-in (auth.md A11): a path of this server, and nothing that leads elsewhere."""

from __future__ import annotations

import logging
import re
from typing import Final
from urllib.parse import quote, unquote

CLI_START: Final = "/auth/cli/start"
CLI_RESUME: Final = "/auth/cli/resume"
"""Where the sign-in of a command-line program goes on; without the public prefix."""

MAX_BYTES: Final = 2048

_SIGN_IN: Final = "/auth/"
_KEPT_AS_WRITTEN: Final = "!#$%&'()*+,/:;=?@[]~"
"""Reserved characters (RFC 3986 §2.2), and the sign of what is percent-encoded already."""

log = logging.getLogger("fabro.auth")


def checked_return_to(value: str | None, *, prefix: str) -> str | None:
    """`value`, percent-decoded once, as a path for `Location`; None, with a log line, when it may not be honoured.

    `prefix` is the public prefix: the path includes it.
    """
    if not value:
        return None
    fault = return_to_fault(value, prefix=prefix)
    if fault is not None:
        log.info("a return_to is not honoured: %s", fault)
        return None
    return quote(value, safe=_KEPT_AS_WRITTEN)


def return_to_fault(value: str, *, prefix: str) -> str | None:
    """Why a sign-in may not lead to `value`, in words that do not repeat it; None when it may."""
    if not value.startswith("/") or value.startswith("//"):
        return "it does not begin with exactly one slash"
    if "\\" in value or " " in value or not value.isprintable():
        return "it contains a backslash, white space or a control character"
    if len(value.encode()) > MAX_BYTES:
        return f"it is longer than {MAX_BYTES} bytes"
    written = re.split("[?#]", value, maxsplit=1)[0]
    if not f"{written}/".startswith(f"{prefix}/"):  # as written: browsers take an encoded slash for no slash
        return "it is outside the public prefix"
    path = unquote(written)
    if not {".", ".."}.isdisjoint(re.split(r"[/\\]", path)):
        return "it contains a dot segment, which a browser would resolve to another path"
    if path.startswith(prefix + _SIGN_IN) and value not in (prefix + CLI_START, prefix + CLI_RESUME):
        return "it is part of the sign-in itself"
    return None
