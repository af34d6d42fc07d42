"""Artifacts under races, on two instances of one store; and their paths (events.md E14)."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabro_core.errors import Conflict, InvalidRequest, NotFound
from fabro_core.models.stage import StageId
from fabro_core.runs.attachments.artifacts import Arrival, require_artifact_path
from fabro_core.runs.paths import MAX_PATH_LENGTH
from fabro_core.store.base import RunStore
from fabro_core.store.memory import MemoryData, MemoryRunStore
from fabro_core.store.records import Doc, DocQuery, DocWrite
from tests.runs.conftest import ANN, new_run, service

pytestmark = pytest.mark.anyio

Replicas = tuple[RunStore, RunStore]

DRAFT = StageId("draft", 1)


def arrival(path: str, content: bytes = b"notes") -> Arrival:
    digest = hashlib.sha256(content).hexdigest()
    return Arrival(path=path, size=len(content), digest=digest, read=lambda: content)


async def documents(store: RunStore) -> int:
    return len((await store.list_docs(DocQuery(collection="runs.artifacts", now_ms=0, limit=100))).docs)


async def test_uploads_of_two_servers_at_once_are_all_kept(replicas: Replicas) -> None:
    servers = [service(store) for store in replicas]
    run_id = await new_run(servers[0])
    await asyncio.gather(
        *(servers[n % 2].artifacts.keep(run_id, DRAFT, 0, [arrival(f"{n:02}"), arrival("last")]) for n in range(24))
    )
    found = await servers[1].artifacts.of_stage(run_id, DRAFT)
    assert [each.path for each in found] == [*(f"{n:02}" for n in range(24)), "last"]


@pytest.mark.parametrize("head_start", range(12))
async def test_an_upload_that_meets_a_delete_leaves_nothing(replicas: Replicas, head_start: int) -> None:
    servers = [service(store) for store in replicas]
    run_id = await new_run(servers[0])

    async def upload() -> None:
        await servers[0].artifacts.keep(run_id, DRAFT, 0, [arrival("a")])

    async def delete() -> None:
        for _ in range(head_start):
            await asyncio.sleep(0)
        await servers[1].delete_by_force(run_id, actor=ANN)

    results = await asyncio.gather(upload(), delete(), return_exceptions=True)
    assert all(result is None or isinstance(result, NotFound | Conflict) for result in results)
    assert await documents(replicas[0]) == 0


class DeletingStore(MemoryRunStore):
    """Another server deletes the run just before artifacts of it are listed."""

    deleting: Callable[[], Awaitable[object]]

    async def put_doc(self, write: DocWrite, /) -> Doc:
        await self.deleting()
        return await super().put_doc(write)


async def test_a_run_that_is_deleted_before_its_upload_is_entered_gets_no_document(anyio_backend: str) -> None:
    data = MemoryData()
    mine, others = DeletingStore(data), MemoryRunStore(data)
    async with mine.lifespan(), others.lifespan():
        run_id = await new_run(service(others))
        mine.deleting = partial(service(others).delete_by_force, run_id, actor=ANN)
        with pytest.raises(NotFound):
            await service(mine).artifacts.keep(run_id, DRAFT, 0, [arrival("a")])
        assert await others.get_run(run_id) is None
        assert await documents(others) == 0


# -- paths ----------------------------------------------------------------------------------------------------------

NAMES = st.text(
    st.characters(exclude_characters="/\\:", exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp"]), min_size=1, max_size=8
)


@given(st.lists(NAMES.filter(lambda name: name not in (".", "..", ".git")), min_size=1, max_size=5).map("/".join))
def test_a_path_of_names_is_taken_as_it_is(path: str) -> None:
    assert require_artifact_path(path) == path


@given(st.text(st.sampled_from("ab./\\\0"), max_size=10))
def test_a_path_that_is_taken_leads_nowhere_but_down(path: str) -> None:
    try:
        require_artifact_path(path)
    except InvalidRequest:
        return
    parts = PurePosixPath(path).parts
    assert "/".join(parts) == path
    assert not {"", ".", "..", "/"}.intersection(parts)
    assert "\\" not in path
    assert "\0" not in path


def test_a_path_is_so_long_in_bytes() -> None:
    assert require_artifact_path("\N{EURO SIGN}" * 341 + "x")
    with pytest.raises(InvalidRequest, match=str(MAX_PATH_LENGTH)):
        require_artifact_path("\N{EURO SIGN}" * 342)
