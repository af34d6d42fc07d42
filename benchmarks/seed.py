"""Fill a database with realistic runs, the same ones each time.

    python benchmarks/seed.py --runs 100000 --path benchmarks/data/100k.db

Runs are projections encoded by the server's own code and written through `RunStore.append`, many at a time. Of a
hundred some are live, most have ended, a tenth is archived; a few have parents, automations, a queue to wait in.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec

from fabro_core.models.instant import format_instant, instant_of_ms
from fabro_core.models.principal import IdpIdentity, PrincipalUser
from fabro_core.models.run import (
    AutomationRef,
    DiffSummary,
    RepositoryRef,
    RunSandbox,
    RunSandboxInstance,
    RunSandboxPlan,
    RunSandboxRuntime,
    RunTiming,
    WorkflowRef,
)
from fabro_core.models.status import (
    RunStatus,
    RunStatusBlocked,
    RunStatusFailed,
    RunStatusRemoving,
    RunStatusRunnable,
    RunStatusRunning,
    RunStatusStarting,
    RunStatusSubmitted,
    RunStatusSucceeded,
)
from fabro_core.runs.fold.projection import Projection
from fabro_core.runs.fold.wire import row_of
from fabro_core.store.base import RunStore
from fabro_core.store.records import AppendBatch, EventRecord
from fabro_store_sqlite import SqliteRunStore

APPENDS_AT_ONCE = 256
FIRST_MS = 1_740_000_000_000
MOST_MS_BETWEEN = 30_000
MOST_MS_TAKEN = 3_600_000
ULID_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

SUBMITTED, RUNNABLE, STARTING = RunStatusSubmitted(), RunStatusRunnable(), RunStatusStarting()
STATUSES: dict[RunStatus, float] = {
    SUBMITTED: 2,
    RUNNABLE: 0.5,
    STARTING: 0.5,
    RunStatusRunning(): 2,
    RunStatusBlocked("human_input_required"): 1,
    RunStatusSucceeded("completed"): 74,
    RunStatusFailed("workflow_error"): 19.5,
    RunStatusRemoving(): 0.5,
}
"""Each status with its share in percent."""

NOT_BEGUN = (SUBMITTED, RUNNABLE, STARTING)
ENDED = (RunStatusSucceeded, RunStatusFailed)
ARCHIVED_SHARE = 0.12
CHILD_SHARE = 0.1
AUTOMATED_SHARE = 0.3
PARENTS_REMEMBERED = 200

VOCABULARY = (
    "add adapt audit benchmark build cache check clean compare convert describe document explain export extend "
    "fix format harden index inline join lint measure merge migrate monitor move optimise pin port probe profile "
    "prune publish refactor remove rename repair replace review rewrite rotate schedule ship simplify split "
    "stabilise stream test tighten trace translate tune unify update upgrade validate verify wire worker pipeline "
    "parser scheduler client server token cookie ledger invoice report dashboard search session queue webhook "
    "schema catalogue "
)
WORDS = VOCABULARY.split()

GOAL_WORDS = 45
"""Makes a run's JSON about 2.3 kB."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Fill a database with realistic runs, the same ones each time.")
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--path", type=Path, required=True)
    arguments = parser.parse_args()
    if arguments.path.exists():
        parser.error(f"{arguments.path} exists already")
    arguments.path.parent.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    asyncio.run(seed(SqliteRunStore(arguments.path), arguments.runs))
    took = time.perf_counter() - began
    mib = arguments.path.stat().st_size / 2**20
    print(f"{arguments.runs} runs in {took:.0f} s ({arguments.runs / took:.0f}/s), {mib:.0f} MiB")


async def seed(store: RunStore, runs: int) -> None:
    """Write `runs` runs into a store that is not open yet."""
    projections = _projections(runs)
    async with store.lifespan():
        while portion := list(islice(projections, APPENDS_AT_ONCE)):
            await asyncio.gather(*(store.append(_batch(each)) for each in portion))


def _batch(projection: Projection) -> AppendBatch:
    events = tuple(_event(projection, seq + 1, kind) for seq, kind in enumerate(("run.created", "run.submitted")))
    return AppendBatch(run_id=projection.id, expected_seq=0, events=events, row=row_of(projection))


def _event(projection: Projection, seq: int, kind: str) -> EventRecord:
    envelope = {
        "id": f"{projection.id}-{seq}",
        "seq": seq,
        "ts": projection.created_at,
        "event": kind,
        "run_id": projection.id,
        "actor": projection.created_by,
        "properties": {},
    }
    return EventRecord(seq=seq, kind=kind, body=msgspec.json.encode(envelope))


def _projections(runs: int) -> Iterator[Projection]:
    chance = random.Random(2026)
    statuses, shares = list(STATUSES), list(STATUSES.values())
    repositories = [_repository(chance) for _ in range(60)]
    workflows = [_workflow(chance) for _ in range(25)]
    automations = [AutomationRef(id=f"auto-{n}", name=f"Automation {n}", trigger_id="cron") for n in range(20)]
    people = [_person(chance, n) for n in range(30)]
    parents: list[str] = []
    created_ms = FIRST_MS
    for _ in range(runs):
        created_ms += chance.randrange(MOST_MS_BETWEEN)
        id_ = _ulid(created_ms, chance)
        words = chance.choices(WORDS, k=GOAL_WORDS)
        repository = chance.choice(repositories)
        plain = Projection(
            id=id_,
            seq=2,
            title=" ".join(words[: chance.randint(3, 8)]).capitalize(),
            goal=" ".join(words),
            workflow=chance.choice(workflows),
            repository=repository,
            created_by=chance.choice(people),
            created_at=_instant(created_ms),
            last_event_at=_instant(created_ms),
            status=SUBMITTED,
            status_updated_at=_instant(created_ms),
            automation=chance.choice(automations) if chance.random() < AUTOMATED_SHARE else None,
            labels={"team": chance.choice(WORDS), "component": chance.choice(WORDS)},
            source_directory=f"/projects/{repository.name}",
            parent_id=chance.choice(parents) if parents and chance.random() < CHILD_SHARE else None,
            web_url=f"https://fabro.example.com/runs/{id_}",
            sandbox=_sandbox(repository, chance),
        )
        (status,) = chance.choices(statuses, shares)
        yield _after(plain, status, created_ms, chance)
        parents = [*parents, id_][-PARENTS_REMEMBERED:] if chance.random() < CHILD_SHARE else parents


def _after(plain: Projection, status: RunStatus, created_ms: int, chance: random.Random) -> Projection:
    """The run as it is in `status`."""
    if status in NOT_BEGUN:
        return msgspec.structs.replace(plain, status=status)
    begun_ms = created_ms + chance.randrange(60_000)
    taken_ms = chance.randrange(MOST_MS_TAKEN)
    newest = _instant(begun_ms + taken_ms)
    ended = isinstance(status, ENDED)
    return msgspec.structs.replace(
        plain,
        status=status,
        status_updated_at=newest,
        last_event_at=newest,
        started_at=_instant(begun_ms),
        completed_at=newest if ended else None,
        archived_at=newest if ended and chance.random() < ARCHIVED_SHARE else None,
        failure_message="A command ended with exit status 1." if isinstance(status, RunStatusFailed) else None,
        timing=RunTiming(
            wall_time_ms=taken_ms,
            inference_time_ms=taken_ms // 3,
            tool_time_ms=taken_ms // 6,
            active_time_ms=taken_ms // 2,
        ),
        total_usd_micros=chance.randrange(250_000_000),
        diff=DiffSummary(
            files_changed=chance.randrange(1, 30), additions=chance.randrange(900), deletions=chance.randrange(400)
        ),
    )


def _repository(chance: random.Random) -> RepositoryRef:
    name = f"{chance.choice(WORDS)}/{chance.choice(WORDS)}-{chance.choice(WORDS)}"
    return RepositoryRef(name=name, origin_url=f"https://github.com/{name}.git", provider="github")


def _workflow(chance: random.Random) -> WorkflowRef:
    slug = f"{chance.choice(WORDS)}-{chance.choice(WORDS)}"
    name = slug.replace("-", " ").capitalize()
    return WorkflowRef(slug=slug, name=name, graph_name=name.title().replace(" ", ""), node_count=9, edge_count=11)


def _person(chance: random.Random, number: int) -> PrincipalUser:
    login = f"{chance.choice(WORDS)}-{number}"
    identity = IdpIdentity("https://github.com", str(10_000 + number))
    avatar = f"https://avatars.example.com/u/{10_000 + number}"
    return PrincipalUser(identity=identity, login=login, auth_method="github", avatar_url=avatar)


def _sandbox(repository: RepositoryRef, chance: random.Random) -> RunSandbox:
    runtime = RunSandboxRuntime(
        id=f"{chance.getrandbits(48):012x}",
        working_directory=f"/workspace/{repository.name}",
        repo_cloned=True,
        clone_origin_url=repository.origin_url,
        clone_branch="main",
        workspace_root="/workspace",
        repos_root="/workspace",
        primary_repo_path=f"/workspace/{repository.name}",
        primary_repo_link=None,
    )
    instance = RunSandboxInstance(provider="docker", image="python:3.12", snapshot=None, runtime=runtime)
    plan = RunSandboxPlan(provider="docker", image="python:3.12", snapshot=None)
    return RunSandbox(kind="ready", plan=plan, instance=instance)


def _instant(epoch_ms: int) -> str:
    return format_instant(instant_of_ms(epoch_ms))


def _ulid(epoch_ms: int, chance: random.Random) -> str:
    number = epoch_ms << 80 | chance.getrandbits(80)
    return "".join(ULID_DIGITS[number >> 5 * place & 31] for place in reversed(range(26)))


if __name__ == "__main__":
    main()
