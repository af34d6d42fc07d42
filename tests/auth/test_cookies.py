"""Cookies as requests bring them (RFC 6265 §5.4): several of one name are one path's, another path's and another
port's."""

from __future__ import annotations

from fabro_core.auth.cookies import MAX_OF_ONE_NAME, cookie_values


def test_all_of_a_name_are_found_in_the_order_in_which_they_came() -> None:
    headers = [(b"cookie", b"a=1; b=x; a=2"), (b"accept", b"a=3"), (b"cookie", b"aa=4;a=5=6; a"), (b"cookie", b"A=7")]
    assert cookie_values(headers, "a") == ("1", "2", "5=6", "")
    assert cookie_values(headers, "c") == ()


def test_no_more_than_a_few_are_looked_at() -> None:
    headers = [(b"cookie", b"; ".join(b"a=%d" % number for number in range(1_000)))] * 2
    assert cookie_values(headers, "a") == tuple(map(str, range(MAX_OF_ONE_NAME)))
