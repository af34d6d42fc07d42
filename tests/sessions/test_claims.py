"""Turns of servers that are gone, which others end once (resources.md X2), over two stores on the same data."""

from __future__ import annotations

import asyncio

import pytest
from ulid import ULID

from fabro_core.clock import epoch_ms
from fabro_core.models.ids import RunId, SessionId, TurnId
from fabro_core.models.principal import PrincipalAgent
from fabro_core.runs.service import Runs
from fabro_core.sessions.claims import LOOKS, Claim, Claims
from fabro_core.store.base import RunStore
from fabro_core.store.records import DocQuery, EventQuery
from fabro_core.testing.clock import ManualClock
from tests.api.seeding import Seed, put

pytestmark = pytest.mark.anyio

SOMEBODY = PrincipalAgent(model="any")
FAILED = "run.session.turn.failed"


class Replica:
    """What one server has."""

    def __init__(self, store: RunStore) -> None:
        self.store = store
        self.runs = Runs(store, ManualClock(), web_url=None)
        self.claims = Claims(store, ManualClock(), self.runs.sessions)

    async def looks(self, count: int) -> None:
        for _ in range(count):
            await self.claims.look()

    async def has_claims(self) -> bool:
        query = DocQuery(collection="session_claims", now_ms=epoch_ms(ManualClock().now()), limit=1)
        return bool((await self.store.list_docs(query)).docs)


@pytest.fixture
def here(replicas: tuple[RunStore, RunStore]) -> Replica:
    return Replica(replicas[0])


@pytest.fixture
def there(replicas: tuple[RunStore, RunStore]) -> Replica:
    return Replica(replicas[1])


async def begun(replica: Replica) -> tuple[RunId, Claim, str]:
    """A turn that somebody replies in, with the key of the claim."""
    seed = Seed(status="succeeded", entropy=1)
    await put(replica.store, seed)
    run_id = RunId(seed.id)
    record = await replica.runs.sessions.create(run_id, title=None, model=None, provider=None, actor=SOMEBODY)
    claim = Claim(session_id=SessionId(record.id), turn_id=TurnId(str(ULID())))
    key = await replica.claims.make(claim)
    await replica.runs.sessions.begin_turn(claim.session_id, "Why?", claim.turn_id, actor=SOMEBODY)
    return run_id, claim, key


async def failures(replica: Replica, run_id: str) -> int:
    page = await replica.store.read(EventQuery(run_id=run_id, limit=100))
    return sum(event.kind == FAILED for event in page.events)


async def test_a_turn_whose_claim_nobody_renews_is_ended_by_another_server(here: Replica, there: Replica) -> None:
    run_id, claim, _ = await begun(here)
    await there.looks(LOOKS - 1)
    assert await failures(there, run_id) == 0
    await there.looks(1)
    detail = await here.runs.sessions.detail(claim.session_id)
    assert (detail.status, detail.active_turn) == ("failed", None)
    assert await failures(here, run_id) == 1
    assert not await there.has_claims()


async def test_a_turn_whose_claim_is_renewed_goes_on(here: Replica, there: Replica) -> None:
    run_id, claim, key = await begun(here)
    for renewed in range(1, 4):
        await there.looks(LOOKS - 1)
        await here.claims.renew(key, Claim(session_id=claim.session_id, turn_id=claim.turn_id, renewed=renewed))
    await there.looks(LOOKS - 1)
    assert await failures(there, run_id) == 0


async def test_servers_that_find_the_same_at_once_end_the_turn_once(here: Replica, there: Replica) -> None:
    run_id, _, _ = await begun(here)
    await asyncio.gather(here.looks(LOOKS + 1), there.looks(LOOKS + 1))
    assert await failures(here, run_id) == 1
    assert not await here.has_claims()


async def test_a_claim_of_a_turn_that_was_refused_does_not_end_that_of_another_server(
    here: Replica, there: Replica
) -> None:
    run_id, claim, key = await begun(here)
    await there.claims.make(claim)  # the server went before it could drop it
    await there.looks(2)
    await here.claims.renew(key, Claim(session_id=claim.session_id, turn_id=claim.turn_id, renewed=1))
    await there.looks(LOOKS - 2)
    assert await failures(there, run_id) == 0


async def test_claims_of_what_is_not_there_any_more_are_dropped(here: Replica, there: Replica) -> None:
    run_id, claim, _ = await begun(here)
    await here.runs.delete(run_id, actor=SOMEBODY)
    await here.claims.make(Claim(session_id=SessionId(str(ULID())), turn_id=claim.turn_id))
    await there.looks(LOOKS)
    assert not await there.has_claims()


async def test_a_turn_that_has_ended_meanwhile_stays_as_it_ended(here: Replica, there: Replica) -> None:
    run_id, claim, _ = await begun(here)
    await here.runs.sessions.interrupt_turn(claim.session_id, claim.turn_id, actor=SOMEBODY)
    await there.looks(LOOKS)
    assert await failures(there, run_id) == 0
    assert (await there.runs.sessions.detail(claim.session_id)).status == "idle"
