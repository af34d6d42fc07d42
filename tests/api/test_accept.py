"""Who prefers HTML (server.md S6)."""

from __future__ import annotations

import pytest

from fabro_core.http.accept import prefers_html

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (BROWSER, True),
        ("text/html", True),
        ("application/xhtml+xml", True),
        ("TEXT/HTML", True),
        ("text/html, */*", True),
        ("text/html, application/*", True),
        ("text/html, application/json", False),
        ("text/html, application/json;q=0.9", True),
        ("text/html;q=0.8, application/json;q=0.9", False),
        ("text/html;q=0.5, */*;q=0.8", False),
        ("text/html;q=0.5, application/*;q=0.4, */*;q=0.8", True),
        ("text/html;q=0", False),
        ("*/*", False),
        ("text/*", False),
        ("application/json", False),
        ("", False),
        (";q=1,,", False),
        ("text/html;q=nonsense", True),
    ],
)
def test_html_is_preferred_only_when_it_is_asked_for_by_name(accept: str, expected: bool) -> None:
    assert prefers_html([(b"accept", accept.encode())]) is expected


def test_without_an_accept_header_the_client_is_an_api_client() -> None:
    assert prefers_html([(b"host", b"x")]) is False


def test_several_accept_headers_count_as_one_list() -> None:
    assert prefers_html([(b"accept", b"text/html"), (b"accept", b"application/json")]) is False


def test_a_header_that_is_too_long_is_that_of_an_api_client() -> None:
    longest = b"text/html".ljust(512)

    assert prefers_html([(b"accept", longest)]) is True
    assert prefers_html([(b"accept", longest + b" ")]) is False
    assert prefers_html([(b"accept", longest), (b"accept", b"")]) is False
