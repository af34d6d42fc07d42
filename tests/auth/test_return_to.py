"""Where a sign-in may lead: nowhere but to this server (auth.md A11)."""

from __future__ import annotations

import logging
import re
from typing import Final
from urllib.parse import parse_qs, quote, urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fabro_core.auth.return_to import MAX_BYTES, checked_return_to

ORIGIN: Final = "https://fabro.example"

LEADS_ASTRAY: Final = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "https://evil.example",
    "https:evil.example",
    "http:/evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "runs",
    "?x=1",
    "#x",
    "%2F%2Fevil.example",
    "/\t/evil.example",
    "/\r\n/evil.example",
    "\t//evil.example",
    " /runs",
    "/runs ",
    "/runs\r\nSet-Cookie: x=1",
    "/runs\x00",
    "/runs\x7f",
    "/runs\x85",
    "/runs\u2028x",
    "/runs\u00a0x",
    "/runs\u3000x",
    "/runs\u200bx",
    "/runs\u202ex",
    "/\ud800",
    "/.//evil.example",
    "/runs/../auth/logout",
    "/runs/%2e%2E/auth/logout",
    "/auth/logout",
    "/auth/login/github",
    "/%61uth/logout",
    "/auth/",
    "/auth/cli/start?redirect_uri=x",
    "/auth/cli/resume#x",
    "/auth/cli/resume/",
    "/auth/%63li/resume",
    "/" + "x" * MAX_BYTES,
    "/" + "ü" * (MAX_BYTES // 2),
]

KEPT: Final = [
    "/",
    "/runs",
    "/runs/01JNC4D1R2M0A7Q0000000000",
    "/runs?page=2&sort=created_at#latest",
    "/runs?next=//evil.example",
    "/runs/%20x",
    "/%2Fevil.example",
    "/runs/a//b",
    "/runs/...",
    "/authors",
    "/auth",
    "/auth/cli/start",
    "/auth/cli/resume",
    "/" + "x" * (MAX_BYTES - 1),
]


@pytest.mark.parametrize("value", LEADS_ASTRAY)
def test_what_may_lead_elsewhere_is_dropped_with_a_log_line_that_does_not_repeat_it(
    value: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert checked_return_to(value, prefix="") is None
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("a return_to is not honoured: ")
    assert value not in line


@pytest.mark.parametrize("value", KEPT)
def test_a_path_of_this_server_is_kept_as_it_is(value: str) -> None:
    assert checked_return_to(value, prefix="") == value


def test_letters_beyond_ascii_are_percent_encoded_for_the_header() -> None:
    assert checked_return_to("/runs?q=ü%20é", prefix="") == "/runs?q=%C3%BC%20%C3%A9"


@pytest.mark.parametrize("value", [None, ""])
def test_nothing_asked_for_is_nothing_to_report(value: str | None, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        assert checked_return_to(value, prefix="") is None
    assert caplog.records == []


@pytest.mark.parametrize(
    "value", ["/fabro", "/fabro/", "/fabro?x=1", "/fabro/runs/X", "/fabro/auth/cli/resume", "/fabro//evil.example"]
)
def test_a_path_below_the_public_prefix_is_kept(value: str) -> None:
    assert checked_return_to(value, prefix="/fabro") == value


@pytest.mark.parametrize(
    "value",
    [
        *["/", "/runs", "/fabrox", "/fabro.evil/x", "/fabro/../runs", "/auth/cli/resume", "/fabro/auth/logout"],
        *["//fabro/x", "/fabro%2F", "/fabro%2fruns", "/%66abro/runs", "%2Ffabro/runs", "/fabro%5Cruns"],
        *["/fabro%2Fauth/logout", "/fabro/%61uth/logout", "/fabro/%2e%2e/runs", "/fabro/..%2Fruns", "/fabro%00/runs"],
    ],
)
def test_a_path_outside_the_public_prefix_is_dropped(value: str) -> None:
    assert checked_return_to(value, prefix="/fabro") is None


# -- whatever is asked for ----------------------------------------------------------------------------------------

_WORDS = ["evil.example", "https:", "javascript:", "/fabro", "/runs", "/auth/", "/auth/cli/resume", "ü"]
_ENCODED = ["%2F", "%2f", "%5C", "%2e", "%2E%2e", "%00", "%0d%0a", "%09", "%20", "%25", "%", "%66abro"]
_PIECES = st.sampled_from(["/", "//", "\\", ".", "..", ":", "@", "?", "#", ";", *_ENCODED, *_WORDS])
_BLANKS = st.sampled_from("\t\r\n\0 \u2028\u3000\ufeff")
_ANYTHING = st.one_of(st.lists(_PIECES | _BLANKS, max_size=8).map("".join), st.text(max_size=40))
_STRIPPED_BY_BROWSERS = re.compile(r"^[\x00-\x20]+|[\x00-\x20]+$|[\t\r\n]")
"""Before they parse a URL (WHATWG URL Standard, basic URL parser)."""


@given(value=_ANYTHING, prefix=st.sampled_from(["", "/fabro"]))
@example(value="/%09/evil.example", prefix="")
@example(value="/%5cevil.example", prefix="")
@example(value="/fabro/..//evil.example", prefix="/fabro")
@example(value="/fabro%2F", prefix="/fabro")
@example(value="/fabro%2f..", prefix="/fabro")
def test_what_a_browser_makes_of_the_location_is_on_this_origin_and_below_its_prefix(value: str, prefix: str) -> None:
    location = checked_return_to(value, prefix=prefix)
    if location is None:
        return
    assert re.fullmatch(r"/[!-~]*", location)
    as_browsers_read_it = _STRIPPED_BY_BROWSERS.sub("", location).replace("\\", "/")
    for text in (location, as_browsers_read_it):
        resolved = urlsplit(urljoin(f"{ORIGIN}{prefix}/auth/callback/github", text))
        assert (resolved.scheme, resolved.netloc) == ("https", "fabro.example")
        assert f"{resolved.path}/".startswith(f"{prefix}/")


@given(value=_ANYTHING)
def test_the_query_decodes_a_value_once(value: str) -> None:
    decoded = parse_qs(f"return_to={quote(value, errors='surrogatepass')}", keep_blank_values=True, errors="replace")
    location = checked_return_to(decoded["return_to"][0], prefix="")
    assert location is None or not location.startswith("//")
