"""One-time codes of the command-line login (auth.md A20)."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from fabro_core.auth.codes import Codes, Grant
from fabro_core.secret import Secret
from fabro_core.store.base import RunStore
from fabro_core.testing.clock import ManualClock
from tests.auth.conftest import MONA, documents_of

pytestmark = pytest.mark.anyio

Replicas = tuple[RunStore, RunStore]

GRANT = Grant(identity=MONA, method="github", code_challenge="c" * 43, redirect_uri="http://127.0.0.1:41000/callback")


async def test_a_code_is_good_once_on_any_server(replicas: Replicas, clock: ManualClock) -> None:
    servers = [Codes(store, clock) for store in replicas]
    code = await servers[0].issue(GRANT)
    assert await servers[1].redeem(code) == GRANT
    assert [await codes.redeem(code) for codes in servers] == [None, None]


async def test_of_twenty_exchanges_at_once_one_gets_the_grant(replicas: Replicas, clock: ManualClock) -> None:
    servers = [Codes(store, clock) for store in replicas]
    code = await servers[0].issue(GRANT)
    grants = await asyncio.gather(*(servers[n % 2].redeem(code) for n in range(20)))
    assert sorted(grants, key=lambda grant: grant is None) == [GRANT, *[None] * 19]


async def test_a_code_expires_after_a_minute(replicas: Replicas, clock: ManualClock) -> None:
    codes = Codes(replicas[0], clock)
    early, late = await codes.issue(GRANT), await codes.issue(GRANT)
    clock.advance(timedelta(seconds=59, milliseconds=999))
    assert await codes.redeem(early) == GRANT
    clock.advance(timedelta(milliseconds=1))
    assert await codes.redeem(late) is None


async def test_a_code_that_was_never_issued_is_unknown(replicas: Replicas, clock: ManualClock) -> None:
    assert await Codes(replicas[0], clock).redeem(Secret("ünknown")) is None


async def test_the_code_itself_is_not_stored(replicas: Replicas, clock: ManualClock) -> None:
    code = await Codes(replicas[0], clock).issue(GRANT)
    ((key, body),) = await documents_of(replicas[1], "auth.code", clock)
    assert code.reveal() not in key + body.decode()
