"""Error pages: what they say, and the way on that they offer."""

from __future__ import annotations

import pytest

from fabro_core.web.pages import error_page
from tests.web.markup import find


def page(status: int, code: str | None) -> str:
    return error_page(
        status=status, title="The title", detail="<What> happened.", code=code, request_id="id-1", prefix="/p"
    ).decode()


@pytest.mark.parametrize(
    ("status", "code", "href"),
    [
        (400, None, "/p/runs"),
        (400, "login_state_invalid", "/p/login"),
        (401, None, "/p/login"),
        (401, "login_method_disabled", "/p/login"),
        (403, "csrf_rejected", "/p/runs"),
        (404, "route_not_found", "/p/runs"),
        (429, "rate_limited", "/p/login"),
        (503, "store_unavailable", "/p/runs"),
    ],
)
def test_every_error_offers_a_way_on(status: int, code: str | None, href: str) -> None:
    (link,) = find(page(status, code), "a", **{"class": "button"})
    assert link.attributes["href"] == href


def test_who_is_not_permitted_may_sign_out() -> None:
    shown = page(403, "login_not_permitted")
    assert find(shown, "form", method="post", action="/p/auth/logout")
    assert find(shown, "a", **{"class": "button"}) == []


def test_an_error_is_named_explained_and_has_its_request_id() -> None:
    shown = page(404, None)
    (main,) = find(shown, "main")
    for text in ("Error 404", "The title", "<What> happened.", "Request id id-1"):
        assert text in main.text


def test_a_sign_in_that_is_over_has_a_heading_of_its_own() -> None:
    assert find(page(400, "login_state_invalid"), "h1")[0].text == "Sign-in failed"
