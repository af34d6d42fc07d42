"""Whose `X-Forwarded-For` counts (server.md S13)."""

from __future__ import annotations

import pytest

from fabro_core.config.proxies import TrustedProxies, trusted_proxies
from fabro_core.context import Problem


def proxies(text: str) -> TrustedProxies:
    problems: list[Problem] = []
    found = trusted_proxies({"FORWARDED_ALLOW_IPS": text}, problems)
    assert problems == []
    return found


def test_nobody_is_trusted_by_default() -> None:
    assert not trusted_proxies({}, [])


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.1", "198.51.100.7", "198.51.100.7"),
        ("192.0.2.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"),
        ("192.0.2.1", "203.0.113.9, 198.51.100.7, 192.0.2.9", "198.51.100.7"),
        ("192.0.2.1", "192.0.2.3", "192.0.2.3"),
        ("192.0.2.1", "198.51.100.7:50312", "198.51.100.7"),
        ("192.0.2.1", "198.51.100.7:50312, 192.0.2.9:443", "198.51.100.7"),
        ("192.0.2.1", "[2001:db8::7]:50312", "2001:db8::7"),
        ("192.0.2.1", "[2001:db8::7]", "2001:db8::7"),
        ("192.0.2.1", "2001:db8::7", "2001:db8::7"),
        ("192.0.2.1", "proxy.example:443", "192.0.2.1"),
        ("192.0.2.1", "not an address", "192.0.2.1"),
        ("192.0.2.1", "", "192.0.2.1"),
        ("unix", "198.51.100.7", "198.51.100.7"),
    ],
)
def test_the_client_is_the_last_hop_that_no_trusted_proxy_vouches_away(peer: str, forwarded: str, client: str) -> None:
    assert proxies("192.0.2.0/24, unix").client(peer, forwarded) == client


@pytest.mark.parametrize("peer", ["198.51.100.7", "unix", "testclient"])
def test_other_peers_are_not_trusted(peer: str) -> None:
    assert not proxies("192.0.2.1").trusts(peer)


def test_a_bad_entry_is_a_problem_of_the_variable() -> None:
    problems: list[Problem] = []

    trusted_proxies({"FORWARDED_ALLOW_IPS": "192.0.2.1, proxy.example"}, problems)

    assert [problem.path for problem in problems] == ["FORWARDED_ALLOW_IPS"]
