"""Request heads and what else an HTTP parser may be given (server.md S3, S4, S10, S11)."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest

from tests.api.security_headers import check_security_headers
from tests.growth import MOST_GROWTH
from tests.server.listener import Answer, Listening, listening

HEAD_BYTES = 65_536
START = b"GET /health HTTP/1.1\r\nHost: fabro.test\r\n"
POST = b"POST /api/v1/runs HTTP/1.1\r\nHost: fabro.test\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    with listening(tmp_path_factory.mktemp("home")) as server:
        yield server


def padded(total: int) -> bytes:
    """A whole head of so many bytes."""
    frame = START + b"X-Pad: \r\n\r\n"
    return START + b"X-Pad: " + b"x" * (total - len(frame)) + b"\r\n\r\n"


def check_refusal(answer: Answer, status: int, title: str, code: str | None) -> None:
    """The envelope, the request id, every security header, and the end of the connection."""
    assert (answer.status, answer.error["title"], answer.error.get("code")) == (status, title, code)
    assert answer.error["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["connection"] == "close"
    check_security_headers(httpx.Response(answer.status, headers=dict(answer.headers)))


def check_head_too_large(answer: Answer) -> None:
    check_refusal(answer, 431, "Request Header Fields Too Large", "head_too_large")


def test_a_head_of_just_the_limit_is_read(server: Listening) -> None:
    assert server.ask(padded(HEAD_BYTES)).status == 200


def test_a_head_beyond_the_limit_is_refused(server: Listening) -> None:
    check_head_too_large(server.ask(padded(HEAD_BYTES + 1)))


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n", id="request line"),
        pytest.param(START + b"x" * 70_000 + b": 1\r\n\r\n", id="name"),
        pytest.param(START + b"X:" + b" " * 70_000 + b"1\r\n\r\n", id="blanks"),
        pytest.param(START + b"a:\r\n" * 20_000 + b"\r\n", id="number of headers"),
        pytest.param(b"\r\n" * 40_000 + START + b"\r\n", id="empty lines"),
        pytest.param(b"X" * 70_000, id="method"),
    ],
)
def test_every_part_of_a_head_counts(server: Listening, head: bytes) -> None:
    answer = server.ask(head)

    if answer.status == 400:
        check_refusal(answer, 400, "Bad Request", None)
    else:
        check_head_too_large(answer)


def test_a_head_in_many_pieces_is_counted_as_a_whole(server: Listening) -> None:
    with server.client() as client:
        client.send(START, *(b"X-%d: %b\r\n" % (number, b"x" * 1_000) for number in range(70)))

        check_head_too_large(client.answer())


def test_a_client_that_goes_on_sending_sees_the_refusal(server: Listening) -> None:
    with server.client() as client:
        client.send(START + b"X: ", *(b"x" * 65_536 for _ in range(400)))

        check_head_too_large(client.answer())
        assert client.is_closed_by_server()


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(b"5;" + b"x" * 140_000 + b"\r\nhello\r\n0\r\n\r\n", id="extension"),
        pytest.param(b"0\r\nX-Trailer: " + b"x" * 140_000 + b"\r\n\r\n", id="trailer"),
        pytest.param(b"0\r\n" + b"a:\r\n" * 40_000 + b"\r\n", id="number of trailers"),
    ],
)
def test_what_surrounds_the_chunks_of_a_body_is_bounded(server: Listening, end: bytes) -> None:
    check_head_too_large(server.ask(POST + server.credentials + b"Transfer-Encoding: chunked\r\n\r\n" + end))


def test_a_body_in_small_chunks_is_no_large_head(server: Listening) -> None:
    chunks = b"1\r\n[\r\n" * 30_000 + b"0\r\n\r\n"

    answer = server.ask(POST + server.credentials + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)

    assert (answer.status, answer.error["detail"]) == (400, "Expected object, got array.")


def test_trailers_are_no_headers(server: Listening) -> None:
    head = POST + b"Transfer-Encoding: chunked\r\n\r\n"

    assert server.ask(head + b"2\r\n{}\r\n0\r\n" + server.credentials + b"\r\n").status == 401


@pytest.mark.parametrize(
    "request_line",
    [
        b"NONSENSE / HTTP/1.1",
        b"GET",
        b"GET / HTTP/9.9",
        b"GET /caf\xc3\xa9 HTTP/1.1",
        b"CONNECT fabro.test:80 HTTP/1.1",
        b"PRI * HTTP/2.0\r\n\r\nSM",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_is_no_request_is_refused_like_any_other(server: Listening, request_line: bytes) -> None:
    check_refusal(server.ask(request_line + b"\r\n\r\n"), 400, "Bad Request", None)


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 99999999999999999999999\r\n",
        b"Content-Length: 3\r\nContent-Length: 4\r\n",
        b"Content-Length: -1\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"X: a\r\n folded\r\n",
        b"no colon\r\n",
    ],
)
def test_what_cannot_be_framed_is_refused_like_any_other(server: Listening, headers: bytes) -> None:
    answer = server.ask(POST + server.credentials + headers + b"\r\n")

    check_refusal(answer, 400, "Bad Request", None)


def test_nothing_is_read_after_a_refusal(server: Listening) -> None:
    with server.client() as client:
        client.send(b"NONSENSE\r\n\r\n", START + b"\r\n")

        assert client.answer().status == 400
        assert client.is_closed_by_server()


def test_requests_before_a_refusal_are_answered_first(server: Listening) -> None:
    with server.client() as client:
        client.send(START + b"\r\n" + START + b"\r\n" + b"NONSENSE\r\n\r\n")

        assert [client.answer().status for _ in range(3)] == [200, 200, 400]


def test_a_path_may_have_so_many_bytes(server: Listening) -> None:
    longest = server.ask(b"GET /" + b"x" * 4_095 + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    longer = server.ask(b"GET /" + b"x" * 4_096 + b" HTTP/1.1\r\nHost: a\r\n\r\n")

    assert (longest.status, longest.error["code"]) == (404, "route_not_found")
    assert (longer.status, longer.error["title"], longer.error["code"]) == (414, "URI Too Long", "path_too_long")


def test_many_requests_in_one_piece_are_answered_up_to_a_number(server: Listening) -> None:
    with server.client() as client:
        client.send((START + b"\r\n") * 1_000)

        answers = 0
        while True:
            answer = client.answer()
            assert answer.status == 200
            answers += 1
            if answer.headers.get("connection") == "close":
                break
        assert 16 <= answers < 1_000
        assert client.is_closed_by_server()


def test_an_offer_to_speak_another_protocol_is_passed_over(server: Listening) -> None:
    """As Java's HTTP client makes it, with a body (RFC 9110 §7.8)."""
    body = b'{"version":1}'
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n"
    length = b"Content-Length: %d\r\n\r\n" % len(body)
    with server.client() as client:
        plain = client.ask(POST + server.credentials + length + body)
        offered = client.ask(POST + server.credentials + offer + length + body)
        after = client.ask(START + b"\r\n")

    assert offered.error["detail"] == plain.error["detail"]
    assert offered.status == plain.status == 400
    assert after.status == 200


def cpu_of_single_bytes(server: Listening, count: int) -> float:
    """The processor time of this process, in seconds, for a head that comes byte by byte."""
    with server.client() as client:
        client.send(START + b"X: ")
        began = time.process_time()
        client.send(*[b"x"] * count)
        assert client.ask(b"\r\n\r\n").status == 200
        return time.process_time() - began


def test_single_bytes_cost_the_same_however_many_have_come(server: Listening) -> None:
    def grows_in_proportion() -> bool:
        small, large = (cpu_of_single_bytes(server, count) for count in (8_000, 32_000))
        return large <= MOST_GROWTH * small + 0.1

    assert any(grows_in_proportion() for _ in range(8)), "a square grows too much each time"
