"""The headers that every response carries, whoever made it (server.md S4, S11)."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import httpx

POLICY: Final = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'"
)
ON_EVERYTHING: Final = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "strict-origin-when-cross-origin",
    "content-security-policy": POLICY,
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
ON_PAGES: Final = {"permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()"}
MAY_BE_SENT_TWICE: Final = "set-cookie"


def check_security_headers(answer: httpx.Response, *, https: bool = False) -> None:
    """Fails unless the answer has them all, once each. `https`: the public URL is."""
    expected = ON_EVERYTHING | (ON_PAGES if is_page(answer) else {})
    assert {name: answer.headers.get(name) for name in expected} == expected
    names = [name for name, _ in answer.headers.multi_items() if name != MAY_BE_SENT_TWICE]
    assert len(names) == len(set(names)), "no header is sent twice"
    assert UUID(answer.headers["x-request-id"]).version == 4
    assert answer.headers["x-request-id"] == answer.headers["x-request-id"].lower()
    assert ("strict-transport-security" in answer.headers) is https
    assert not [name for name in names if name.startswith("access-control-") or name == "server"]


def is_page(answer: httpx.Response) -> bool:
    media_type: str = answer.headers.get("content-type", "")
    return media_type.startswith("text/html")
