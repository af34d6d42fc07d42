"""Keys derived from the session secret (auth.md A14)."""

from __future__ import annotations

import pytest

from fabro_core.auth.keys import KEY_BYTES, Purpose, derive_key
from fabro_core.secret import Secret

SECRET = Secret("0123456789abcdef" * 4)


@pytest.mark.parametrize(
    ("purpose", "beginning"),
    [
        (Purpose.COOKIES, "cbc170958cc90606"),
        (Purpose.ACCESS_TOKENS, "4780320f5d5bf841"),
        (Purpose.WORKER_TOKENS, "3366435319a372ce"),
        (Purpose.DOCUMENTS, "8b3807d3dff4f554"),
        (Purpose.REFRESH_TOKENS, "6ed2941fea409787"),
    ],
)
def test_a_key_is_that_of_the_protocol(purpose: Purpose, beginning: str) -> None:
    key = derive_key(SECRET, purpose)
    assert (key[:8].hex(), len(key)) == (beginning, KEY_BYTES)


def test_a_secret_that_is_no_text_has_keys_too() -> None:
    raw = b"\xff" * 32
    as_environment_shows_it = Secret(raw.decode("utf-8", "surrogateescape"))
    assert len(derive_key(as_environment_shows_it, Purpose.WORKER_TOKENS)) == KEY_BYTES
