"""Heads of answers as bytes (server.md S11, RFC 9112 §4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabro_core.http.edge import DEFAULTS
from fabro_core.http.reply import JSON_TYPE
from fabro_core.server.heads import Head, head_of

Headers = list[tuple[bytes, bytes]]
LENGTH = (b"content-length", b"3")


def head(*headers: tuple[bytes, bytes], status: int = 200, keep_alive: bool = True, has_body: bool = True) -> Head:
    return head_of(status, [(b"date", b"today")], headers, keep_alive=keep_alive, has_body=has_body)


def test_a_head_has_the_headers_in_their_order() -> None:
    made = head(JSON_TYPE, LENGTH, *DEFAULTS[:1], (b"X-Request-Id", b"7"))

    assert made.content == (
        b"HTTP/1.1 200 OK\r\ndate: today\r\ncontent-type: application/json\r\ncontent-length: 3\r\n"
        b"x-content-type-options: nosniff\r\nx-request-id: 7\r\n\r\n"
    )
    assert (made.length, made.is_chunked, made.keep_alive) == (3, False, True)


def test_a_body_of_unknown_length_comes_in_chunks() -> None:
    made = head(JSON_TYPE)

    assert b"\r\ntransfer-encoding: chunked\r\n" in made.content
    assert made.is_chunked


def test_an_answer_may_say_itself_that_it_comes_in_chunks() -> None:
    made = head((b"transfer-encoding", b"chunked"))

    assert made.content.count(b"chunked") == 1
    assert made.is_chunked


def test_an_answer_without_a_body_is_not_framed() -> None:
    assert b"chunked" not in head(status=204, has_body=False).content


@pytest.mark.parametrize("own", [[], [(b"connection", b"close")], [(b"Connection", b"x, Close")]])
def test_the_end_of_a_connection_is_said_once(own: Headers) -> None:
    made = head(LENGTH, *own, keep_alive=False)

    assert made.content.lower().count(b"close") == 1
    assert not made.keep_alive


def test_an_answer_can_end_the_connection() -> None:
    assert not head(LENGTH, (b"connection", b"close")).keep_alive


@pytest.mark.parametrize("bad", [b"\r", b"\n", b"\x00", b"\x7f", b"\x1b"])
@pytest.mark.parametrize("name", [b"location", b"x-request-id", b"content-type"])
def test_no_value_breaks_the_head(name: bytes, bad: bytes) -> None:
    with pytest.raises(ValueError, match="malformed"):
        head((name, b"/a" + bad + b"set-cookie: b"))


@pytest.mark.parametrize("name", [b"", b"a b", b"a:", b"a\r\nb", b"(a)", b"\xe9"])
def test_no_name_breaks_the_head(name: bytes) -> None:
    with pytest.raises(ValueError, match="malformed"):
        head((name, b"1"))


@pytest.mark.parametrize("value", [b"a\tb", b"caf\xe9", b"\xa0", b""])
def test_values_may_have_what_a_field_may_have(value: bytes) -> None:
    assert b"\r\nx-any: " + value + b"\r\n" in head(LENGTH, (b"x-any", value)).content


@given(st.lists(st.tuples(st.binary(max_size=12), st.binary(max_size=12)), max_size=5))
def test_whatever_the_headers_are_a_head_has_a_line_for_each_or_is_refused(headers: Headers) -> None:
    try:
        made = head(LENGTH, *headers)
    except ValueError:
        return
    lines = made.content.split(b"\r\n")
    assert lines[-2:] == [b"", b""]
    assert len(lines) - 5 - lines.count(b"transfer-encoding: chunked") == len(headers)
    assert [line for line in lines if b"\n" in line or b"\r" in line] == []
