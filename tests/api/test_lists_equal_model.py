"""GET /runs answers what a plain reading of runs.md R7 gives, for any runs and any query, on both stores."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from ulid import ULID

from tests.api.conftest import Server
from tests.api.seeding import EPOCH, STATUSES, Seed, put

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.every_store]

PARENTS = [str(ULID.from_int(number)) for number in (1, 2)]
PRE_EXECUTION = ("submitted", "pending", "runnable")
TERMINAL = ("succeeded", "failed", "dead")
RANKS = ["pending", "runnable", "initializing", "running", "blocked", "succeeded", "failed", "archived", "removing"]
BUCKETS = {
    "submitted": "pending",
    "starting": "initializing",
    "paused": "running",
    "dead": "failed",
}
"""Of the statuses whose bucket has another name."""
SORTS = ("created_at", "updated_at", "status", "elapsed", "repo", "title", "workflow", "changes", "size")
NAMES = ["a", "A", "b", "B", "z", "Z", "_", "é", "É", ""]


# -- what may be asked ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Query:
    """A valid query; None leaves the parameter out."""

    status: tuple[str, ...]
    include_archived: bool | None
    parent_id: str | None
    sort: str | None
    direction: Literal["asc", "desc"] | None
    limit: int | None
    offset: int | None

    @property
    def string(self) -> str:
        pairs = [("status", bucket) for bucket in self.status]
        if self.include_archived is not None:
            pairs.append(("include_archived", "true" if self.include_archived else "false"))
        for name, value in [
            ("parent_id", self.parent_id),
            ("sort", self.sort),
            ("direction", self.direction),
            ("page[limit]", self.limit),
            ("page[offset]", self.offset),
        ]:
            if value is not None:
                pairs.append((name, str(value)))
        return urlencode(pairs)


queries = st.builds(
    Query,
    status=st.lists(st.sampled_from(RANKS), max_size=3).map(tuple),
    include_archived=st.none() | st.booleans(),
    parent_id=st.none() | st.sampled_from([*PARENTS, PARENTS[0].lower(), str(ULID.from_int(3)), ""]),
    sort=st.sampled_from([None, *SORTS]),
    direction=st.none() | st.sampled_from(["asc", "desc"]),
    limit=st.none() | st.sampled_from([0, 1, 2, 5, 100, 1000]),
    offset=st.none() | st.sampled_from([0, 1, 4, 50, 4_294_967_295]),
)


@st.composite
def seeds(draw: st.DrawFn) -> Seed:
    """A run whose keys often equal those of others. Its id is made unique by `distinct`."""
    status = draw(st.sampled_from(sorted(STATUSES)))
    return Seed(
        status=status,
        archived=status in (*TERMINAL, "removing") and draw(st.booleans()),
        created=draw(st.integers(0, 3)),
        started=draw(st.none() | st.integers(0, 2)),
        lasted=draw(st.sampled_from([0, 1, 929_998, 929_999, 930_000])),  # live runs have lasted about as long
        updated=draw(st.integers(0, 3)),
        title=draw(st.sampled_from([*NAMES, " b "])),
        repository=draw(st.sampled_from(NAMES)),
        workflow_name=draw(st.none() | st.sampled_from(NAMES)),
        graph_name=draw(st.none() | st.sampled_from(NAMES)),
        slug=draw(st.none() | st.sampled_from(NAMES)),
        changes=draw(st.integers(0, 3)),
        usd_micros=draw(st.sampled_from([None, 0, 20_000_000, 20_000_001, 50_000_001, 100_000_001, 200_000_001])),
        parent_id=draw(st.none() | st.sampled_from(PARENTS)),
    )


def distinct(runs: list[Seed]) -> list[Seed]:
    return [replace(run, entropy=entropy) for entropy, run in enumerate(runs)]


# -- the model -----------------------------------------------------------------------------------------------------


def bucket(run: Seed) -> str:
    return "archived" if run.archived else BUCKETS.get(run.status, run.status)


def visible(run: Seed, query: Query) -> bool:
    if query.parent_id and run.parent_id != query.parent_id.upper():
        return False
    if query.status:
        return bucket(run) in query.status
    if run.archived:
        return query.include_archived is True
    return run.status != "removing"


def fold(text: str) -> str:
    return "".join(chr(ord(each) + 32) if "A" <= each <= "Z" else each for each in text)


def elapsed(run: Seed, now_ms: int) -> int:
    if run.status in TERMINAL:
        return run.lasted
    started = 0 if run.started is None or run.status in PRE_EXECUTION else run.started
    return now_ms - run.created - started


def size(run: Seed) -> int:
    return sum((run.usd_micros or 0) > limit for limit in (20_000_000, 50_000_000, 100_000_000, 200_000_000))


def key(run: Seed, sort: str, now_ms: int) -> Any:
    return {
        "created_at": run.created,
        "updated_at": run.created + run.updated,
        "status": RANKS.index(bucket(run)),
        "elapsed": elapsed(run, now_ms),
        "repo": fold(run.repository),
        "title": fold(run.title.strip()),
        "workflow": fold(run.workflow_name or run.graph_name or run.slug or ""),
        "changes": run.changes,
        "size": size(run),
    }[sort]


def expected(runs: list[Seed], query: Query, now_ms: int) -> tuple[list[str], dict[str, Any]]:
    """The ids of the page and its `meta`; `now_ms` counts from `EPOCH`."""
    found = sorted((run for run in runs if visible(run, query)), key=lambda run: run.id, reverse=True)
    found.sort(key=lambda run: key(run, query.sort or "created_at", now_ms), reverse=query.direction != "asc")
    limit = 20 if query.limit is None else min(max(query.limit, 1), 100)
    offset = min(query.offset or 0, 1_000_000)
    page = found[offset : offset + limit]
    meta = {"has_more": offset + len(page) < len(found), "total": len(found)}
    return [run.id for run in page], meta


@settings(
    max_examples=30,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking takes minutes over HTTP; the query is named
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    runs=st.lists(seeds(), min_size=8, max_size=25).map(distinct),
    asked=st.lists(queries, min_size=5, max_size=15),
)
async def test_any_list_equals_the_model(server: Server, runs: list[Seed], asked: list[Query]) -> None:
    now_ms = round((server.clock.now() - EPOCH).total_seconds() * 1000)
    try:
        await asyncio.gather(*(put(server.store, run) for run in runs))
        for query in asked:
            answer = await server.client.get(f"/api/v1/runs?{query.string}")
            assert answer.status_code == 200, answer.text
            body = answer.json()
            assert ([run["id"] for run in body["data"]], body["meta"]) == expected(runs, query, now_ms), query.string
    finally:
        await asyncio.gather(*(server.store.delete_run(run.id) for run in runs))
