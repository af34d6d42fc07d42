"""How many connections one address may have, and all together (server.md S10)."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from fabro_core.config.proxies import trusted_proxies
from fabro_core.server.peers import TOLD_SECONDS, Peers
from tests.server.listener import listening

PROXIES = trusted_proxies({"FORWARDED_ALLOW_IPS": "198.51.100.0/24"}, [])
LIMIT = 3


def entered(peers: Peers, *addresses: str | None) -> list[bool]:
    return [peers.enter(None if address is None else (address, 50_000)) for address in addresses]


def test_an_address_has_its_share() -> None:
    peers = Peers(LIMIT, 1_000, PROXIES)

    assert entered(peers, *["203.0.113.1"] * 4, "203.0.113.2") == [True, True, True, False, True]


def test_a_closed_connection_makes_room() -> None:
    peers = Peers(LIMIT, 1_000, PROXIES)
    entered(peers, *["203.0.113.1"] * 4)

    peers.leave(("203.0.113.1", 50_000))

    assert entered(peers, *["203.0.113.1"] * 2) == [True, False]


def test_addresses_of_one_ipv6_subscriber_share() -> None:
    peers = Peers(LIMIT, 1_000, PROXIES)

    assert entered(peers, "2001:db8::1", "2001:db8::2", "2001:db8::ffff:3") == [True] * 3
    assert entered(peers, "2001:db8::4", "2001:db8:0:1::4", "fe80::1%eth0") == [False, True, True]


@pytest.mark.parametrize("address", [None, "127.0.0.1", "::1", "198.51.100.7"])
def test_those_behind_whom_are_many_are_not_counted(address: str | None) -> None:
    peers = Peers(LIMIT, 1_000, PROXIES)

    assert all(entered(peers, *[address] * 20))


def test_without_a_limit_nobody_is_counted() -> None:
    assert all(entered(Peers(0, 1_000, PROXIES), *["203.0.113.1"] * 20))


def test_nothing_is_kept_of_those_who_left() -> None:
    peers = Peers(LIMIT, 1_000, PROXIES)
    for number in range(256):
        address = (f"203.0.113.{number}", 50_000)
        assert peers.enter(address)
        peers.leave(address)

    assert not peers._counts


def test_too_many_connections_are_told_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    now = 1_000.0
    peers = Peers(LIMIT, 1_000, PROXIES, seconds=lambda: now)

    entered(peers, *["203.0.113.1"] * 10, *["2001:db8::1"] * 10)
    now += TOLD_SECONDS
    entered(peers, "2001:db8::1")

    assert caplog.messages == [
        "203.0.113.1 has 3 connections; further ones are closed",
        "2001:db8::/64 has 3 connections; further ones are closed",
    ]


def test_a_full_server_says_so_when_it_begins_and_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    peers = Peers(LIMIT, 10, PROXIES)

    assert entered(peers, *[None] * 13) == [True] * 10 + [False] * 3
    for _ in range(2):
        peers.leave(None)
    assert entered(peers, None) == [True]

    assert caplog.messages == [
        "no more connections are accepted: 10 are open, and no more files can be",
        "connections are accepted again",
    ]


def own_address() -> str | None:
    """An address of this machine that is not its loopback; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.99", 9))
        except OSError:
            return None
        address: str = probe.getsockname()[0]
        return None if address.startswith("127.") else address


def test_the_listener_closes_what_is_too_much(tmp_path: Path) -> None:
    address = own_address()
    if address is None:
        pytest.skip("this machine has no address but its loopback")
    tables = {"limits": {"connections_per_client": LIMIT}, "web": {"enabled": False, "url": "http://fabro.test"}}

    with listening(tmp_path / "home", tables=tables, host=address) as server, ExitStack() as stack:
        clients = [stack.enter_context(server.client()) for _ in range(LIMIT)]
        for client in clients:
            assert client.ask(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n").status == 200

        assert stack.enter_context(server.client()).is_closed_by_server()
        assert clients[0].ask(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n").status == 200

        clients[0].ask(b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert clients[0].is_closed_by_server()
        assert server.ask(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n").status == 200
