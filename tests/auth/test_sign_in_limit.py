"""What an attempt counts against, and when it is forgotten (auth.md A8)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fabro_core.auth.sign_in_limit import LimitKind, SignInLimit, TooManyAttempts, counted_address
from fabro_core.store.base import RunStore
from fabro_core.testing.clock import ManualClock

Replicas = tuple[RunStore, RunStore]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff"),
        ("2001:0DB8:0:0:1::", "2001:db8::2"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::ffff:c000:207", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::2"),
    ],
)
def test_two_addresses_of_one_peer_count_together(one: str, other: str) -> None:
    assert counted_address(one) == counted_address(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8::1", "2001:db8:0:1::1"),
        ("192.0.2.7", "192.0.2.8"),
        ("::ffff:192.0.2.7", "::ffff:192.0.2.8"),
        ("::1", "127.0.0.1"),
        ("unix", "localhost"),
    ],
)
def test_peers_count_apart(one: str, other: str) -> None:
    assert counted_address(one) != counted_address(other)


@pytest.mark.parametrize("client", ["unix", "testclient", "", "192.0.2.7:1", "[2001:db8::1]"])
def test_whatever_is_no_address_counts_as_it_is(client: str) -> None:
    assert counted_address(client) == client


@pytest.mark.anyio
async def test_a_clock_that_is_set_back_locks_nobody_out(replicas: Replicas, clock: ManualClock) -> None:
    limit = SignInLimit(replicas[0], clock, limit=2)
    clock.advance(timedelta(days=1))
    for _ in range(2):
        await limit.count(LimitKind.LOGIN, "192.0.2.7")
    clock.advance(-timedelta(hours=1))
    for _ in range(2):
        await limit.count(LimitKind.LOGIN, "192.0.2.7")
    with pytest.raises(TooManyAttempts) as refused:
        await limit.count(LimitKind.LOGIN, "192.0.2.7")
    assert refused.value.retry_after == 60


@pytest.mark.anyio
async def test_servers_whose_clocks_are_apart_forget_nothing_that_the_other_has_counted(
    replicas: Replicas, clock: ManualClock
) -> None:
    behind = ManualClock()
    clock.advance(timedelta(seconds=4))
    ahead_of, late = SignInLimit(replicas[0], clock, limit=4), SignInLimit(replicas[1], behind, limit=4)
    for limit in (ahead_of, late, ahead_of, late):
        await limit.count(LimitKind.LOGIN, "192.0.2.7")
    for limit in (ahead_of, late):
        with pytest.raises(TooManyAttempts):
            await limit.count(LimitKind.LOGIN, "192.0.2.7")
