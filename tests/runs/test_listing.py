"""Pages of runs as JSON (runs.md R7.4)."""

from __future__ import annotations

import gc
import json

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fabro_core.models.run import RunTiming
from fabro_core.models.status import Bucket, RunStatusFailed, RunStatusRunning
from fabro_core.runs.fold.wire import run_json
from fabro_core.runs.views.listing import PageEncoder, visible_buckets
from fabro_core.store.records import RunHit, RunPage
from tests.runs.test_wire import STARTED, STARTED_MS, hit, projection

TIMING = RunTiming(wall_time_ms=7, inference_time_ms=1, tool_time_ms=2, active_time_ms=3)
LIVE = hit(replace(projection(RunStatusRunning()), started_at=STARTED, timing=TIMING), children_count=3)
ENDED = hit(replace(projection(RunStatusFailed("terminated")), completed_at=STARTED))


@given(st.lists(st.sampled_from([LIVE, ENDED])), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_page_is_its_runs_in_order_each_time_it_is_encoded(hits: list[RunHit], first: int, second: int) -> None:
    page = RunPage(hits=tuple(hits), total=len(hits) + 5)
    encoder = PageEncoder()
    for now_ms in (STARTED_MS + first, STARTED_MS + second):
        body = json.loads(encoder.encode(page, offset=5, now_ms=now_ms))
        assert body["data"] == [json.loads(run_json(each, now_ms)) for each in hits]
        assert body["meta"] == {"has_more": False, "total": len(hits) + 5}


def test_has_more_counts_from_the_offset() -> None:
    page = RunPage(hits=(ENDED,), total=3)
    encoder = PageEncoder()
    assert [json.loads(encoder.encode(page, offset=n, now_ms=0))["meta"]["has_more"] for n in (0, 1, 2)] == [
        True,
        True,
        False,
    ]


def test_nothing_is_kept_of_a_page_that_is_gone() -> None:
    encoder = PageEncoder()
    for _ in range(3):
        encoder.encode(RunPage(hits=(ENDED,), total=1), offset=0, now_ms=0)
    gc.collect()
    assert not encoder._prepared


def test_statuses_decide_alone_what_is_visible() -> None:
    assert visible_buckets([Bucket.FAILED], include_archived=True) == {Bucket.FAILED}
    assert visible_buckets([], include_archived=True) == set(Bucket) - {Bucket.REMOVING}
    assert visible_buckets(None, include_archived=False) == set(Bucket) - {Bucket.REMOVING, Bucket.ARCHIVED}
