"""Runs to change: the service on stores whose calls interleave."""

from __future__ import annotations

import msgspec

from fabro_core.models.ids import RunId
from fabro_core.models.principal import IdpIdentity, PrincipalUser, RunProvenance
from fabro_core.runs.fold.projection import Projection
from fabro_core.runs.service import Runs
from fabro_core.store.base import RunStore
from fabro_core.store.records import EventQuery, EventRecord
from fabro_core.testing.clock import ManualClock
from tests.replicas import replicas as replicas  # a fixture
from tests.replicas import shared_valkey as shared_valkey  # another

ANN = PrincipalUser(identity=IdpIdentity("test", "ann"), login="ann", auth_method="test")
MANIFEST = msgspec.json.encode(
    {
        "version": 1,
        "cwd": "/projects/shop",
        "target": {"path": "w.fabro"},
        "workflows": {"w.fabro": {"source": "digraph W { start [shape=Mdiamond] exit [shape=Msquare] start -> exit }"}},
    }
)


def service(store: RunStore) -> Runs:
    return Runs(store, ManualClock(), web_url=None)


async def new_run(runs: Runs) -> RunId:
    hit = await runs.create(MANIFEST, provenance=RunProvenance(subject=ANN))
    return RunId(hit.id)


async def events_of(store: RunStore, run_id: str) -> tuple[EventRecord, ...]:
    page = await store.read(EventQuery(run_id=run_id, limit=1_000))
    return page.events


async def projection_of(store: RunStore, run_id: str) -> Projection:
    """What is stored for the next writer."""
    hit = await store.get_run(run_id)
    assert hit is not None
    return msgspec.json.decode(hit.state, type=Projection)
