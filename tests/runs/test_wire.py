"""A run as it goes on the wire (runs.md R5)."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fabro_core.models.principal import IdpIdentity, PrincipalUser
from fabro_core.models.run import RepositoryRef, RunSandbox, RunSandboxPlan, RunTiming, WorkflowRef
from fabro_core.models.status import (
    Bucket,
    RunStatus,
    RunStatusFailed,
    RunStatusRunnable,
    RunStatusRunning,
    RunStatusSubmitted,
)
from fabro_core.runs.fold.facets import ascii_fold
from fabro_core.runs.fold.projection import Projection
from fabro_core.runs.fold.wire import row_of, run_json
from fabro_core.store.records import RunHit

CREATED = "2026-03-02T10:15:30.250Z"
STARTED = "2026-03-02T10:16:05Z"
STARTED_MS = 1_772_446_565_000

KEYS_OF_A_RUN = {
    "id",
    "children_count",
    "title",
    "goal",
    "workflow",
    "automation",
    "repository",
    "created_by",
    "origin",
    "labels",
    "lifecycle",
    "sandbox",
    "models",
    "source_directory",
    "timestamps",
    "timing",
    "billing",
    "size",
    "ask_fabro",
    "diff",
    "pull_request",
    "current_question",
    "superseded_by",
    "retried_from",
    "links",
}


SUBMITTED = RunStatusSubmitted()


def projection(status: RunStatus = SUBMITTED) -> Projection:
    return Projection(
        id="01KJQ0QEPA7V9X1B2C4D6F8G0H",
        seq=2,
        title="Ship",
        goal="Ship it",
        workflow=WorkflowRef(slug="deploy", name=None, graph_name="Deploy", node_count=4, edge_count=4),
        repository=RepositoryRef(name="acme/Shop", origin_url=None, provider="unknown"),
        created_by=PrincipalUser(identity=IdpIdentity("fabro:dev", "dev"), login="dev", auth_method="dev_token"),
        created_at=CREATED,
        last_event_at=CREATED,
        status=status,
        status_updated_at=CREATED,
        sandbox=RunSandbox(kind="planned", plan=RunSandboxPlan(provider="local", image=None, snapshot=None)),
    )


def hit(run: Projection, *, children_count: int = 0, queue_position: int | None = None) -> RunHit:
    row = row_of(run)
    return RunHit(
        id=row.id,
        seq=row.seq,
        bucket=row.bucket,
        begun_ms=row.begun_ms,
        live=row.elapsed_ms is None,
        body=row.body,
        children_count=children_count,
        queue_position=queue_position,
    )


def test_a_new_run_has_every_key() -> None:
    run = json.loads(run_json(hit(projection()), 0))
    assert set(run) == KEYS_OF_A_RUN
    assert run["lifecycle"] == {
        "status": {"kind": "submitted"},
        "approval": None,
        "pending_control": None,
        "queue_position": None,
        "error": None,
        "archived": False,
        "archived_at": None,
    }
    assert run["sandbox"] == {"kind": "planned", "plan": {"provider": "local", "image": None, "snapshot": None}}
    assert run["ask_fabro"] == {
        "available": False,
        "unavailable_reason": "sandbox_not_ready",
        "default_model": None,
    }
    assert (run["size"], run["timing"], run["billing"], run["origin"]) == ("XS", None, None, {"kind": "api"})


def test_the_parent_appears_only_when_there_is_one() -> None:
    parent = "01KJPZQH2RK3M5N7P9Q1R2S4T6"
    assert json.loads(run_json(hit(replace(projection(), parent_id=parent)), 0))["parent_id"] == parent


def test_a_failed_run_tells_why() -> None:
    failed = replace(projection(RunStatusFailed("cancelled")), failure_message="Stopped.", completed_at=STARTED)
    assert json.loads(run_json(hit(failed), 0))["lifecycle"]["error"] == {"message": "Stopped."}


@pytest.mark.parametrize(
    ("usd_micros", "size"),
    [
        (None, "XS"),
        (20_000_000, "XS"),
        (20_000_001, "S"),
        (50_000_001, "M"),
        (100_000_001, "L"),
        (200_000_000, "L"),
        (200_000_001, "XL"),
    ],
)
def test_the_size_follows_the_cost(usd_micros: int | None, size: str) -> None:
    assert json.loads(run_json(hit(replace(projection(), total_usd_micros=usd_micros)), 0))["size"] == size


def test_the_row_holds_folded_keys_and_the_times_that_lists_sort_by() -> None:
    row = row_of(replace(projection(), title="  ÄB c ", started_at=STARTED, completed_at="2026-03-02T10:16:07.5Z"))
    assert (row.title_key, row.repo_key, row.workflow_key) == ("Äb c", "acme/shop", "deploy")
    assert (row.begun_ms, row.elapsed_ms) == (STARTED_MS, 2500)


def test_folding_touches_ascii_letters_alone() -> None:
    assert ascii_fold("AZ az ÄÖ İ Σ 09_") == "az az ÄÖ İ Σ 09_"


PIECES = st.text(alphabet=st.sampled_from('"\\:{}nulqeopsitm_gwa,0123456789 é\x00\n'), max_size=60)
LOOKALIKES = st.sampled_from(
    ['"queue_position":null', '"timing":{"wall_time_ms":5', '\\"queue_position":null', 'x","queue_position":null,"']
)
ADVERSARIAL = PIECES | LOOKALIKES


@given(
    text=ADVERSARIAL,
    labels=st.dictionaries(ADVERSARIAL | st.sampled_from(["queue_position", "timing", "wall_time_ms"]), ADVERSARIAL),
    children=st.integers(0, 10**9),
    position=st.integers(1, 10**9),
    wall_time_ms=st.integers(0, 10**12),
    runs=st.sampled_from(["runnable", "running", "submitted"]),
)
def test_splicing_changes_exactly_the_fields_it_means_whatever_the_texts_hold(
    text: str, labels: dict[str, str], children: int, position: int, wall_time_ms: int, runs: str
) -> None:
    statuses: dict[str, RunStatus] = {
        "runnable": RunStatusRunnable(),
        "running": RunStatusRunning(),
        "submitted": RunStatusSubmitted(),
    }
    status = statuses[runs]
    timing = RunTiming(wall_time_ms=7, inference_time_ms=1, tool_time_ms=2, active_time_ms=3)
    run = replace(projection(status), title=text, goal=text, labels=labels, source_directory=text)
    if runs == "running":
        run = replace(run, started_at=STARTED, timing=timing)
    runnable = runs == "runnable"
    stored = hit(run, children_count=children, queue_position=position if runnable else None)

    expected = json.loads(stored.body) | {"children_count": children}
    if runnable:
        expected["lifecycle"]["queue_position"] = position
    if runs == "running":
        expected["timing"]["wall_time_ms"] = wall_time_ms
    assert json.loads(run_json(stored, STARTED_MS + wall_time_ms)) == expected


def test_the_wall_time_of_a_run_that_has_ended_stays() -> None:
    timing = RunTiming(wall_time_ms=7, inference_time_ms=1, tool_time_ms=2, active_time_ms=3)
    ended = replace(projection(RunStatusFailed("terminated")), started_at=STARTED, completed_at=STARTED, timing=timing)
    assert json.loads(run_json(hit(ended), STARTED_MS + 60_000))["timing"]["wall_time_ms"] == 7


def test_a_clock_that_runs_behind_never_shows_a_negative_wall_time() -> None:
    timing = RunTiming(wall_time_ms=7, inference_time_ms=0, tool_time_ms=0, active_time_ms=0)
    run = hit(replace(projection(RunStatusRunning()), started_at=STARTED, timing=timing))
    assert run.bucket is Bucket.RUNNING
    assert json.loads(run_json(run, STARTED_MS - 5000))["timing"]["wall_time_ms"] == 0
