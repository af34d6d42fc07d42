"""The ZIP file of a run's artifacts (events.md E14, E23), on both stores."""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from zipfile import ZipFile

import httpx
import pytest

from fabro_core.http.services import SERVICES
from fabro_core.models.stage import StageId
from fabro_core.runs.attachments.artifacts import Arrival
from tests.api.conftest import Server
from tests.runs.samples import SAMPLES

pytestmark = pytest.mark.anyio

OCTETS = {"content-type": "application/octet-stream"}


async def put(server: Server, run_id: str, stage_id: str, path: str, content: bytes, *, retry: int = 0) -> None:
    answer = await server.client.post(
        f"/api/v1/runs/{run_id}/stages/{stage_id}/artifacts",
        params={"retry": retry, "filename": path},
        content=content,
        headers=OCTETS,
    )
    assert answer.status_code == 204, answer.text


async def begin(server: Server, run_id: str, stage_id: str) -> None:
    event = {
        "id": stage_id,
        "ts": "2026-03-02T10:20:00Z",
        "run_id": run_id,
        "event": "stage.started",
        "node_id": stage_id.partition("@")[0],
        "stage_id": stage_id,
        "properties": SAMPLES["stage.started"],
    }
    assert (await server.client.post(f"/api/v1/runs/{run_id}/events", json=event)).status_code == 200


async def download(server: Server, run_id: str) -> httpx.Response:
    return await server.client.get(f"/api/v1/runs/{run_id}/artifacts/download")


def members(answer: httpx.Response) -> dict[str, bytes]:
    with ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


async def test_the_archive_has_the_newest_version_of_every_path(server: Server) -> None:
    run_id = (await server.create())["id"]
    await begin(server, run_id, "zeta@1")
    await begin(server, run_id, "alpha@1")
    await put(server, run_id, "zeta@1", "both", b"earlier stage", retry=9)
    await put(server, run_id, "alpha@1", "both", b"later stage, first try")
    await put(server, run_id, "alpha@1", "both", b"later stage, second try", retry=1)
    await put(server, run_id, "unheard-of@1", "both", b"of a stage without events", retry=10)
    await put(server, run_id, "unheard-of@1", "only/there", b"x")
    answer = await download(server, run_id)
    assert members(answer) == {"both": b"later stage, second try", "only/there": b"x"}


async def test_stages_without_events_are_told_apart_by_retry_and_then_by_name(server: Server) -> None:
    run_id = (await server.create())["id"]
    await put(server, run_id, "a@1", "retry", b"newest", retry=1)
    await put(server, run_id, "b@1", "retry", b"older")
    await put(server, run_id, "b@1", "name", b"newest")
    await put(server, run_id, "a@1", "name", b"older")
    assert members(await download(server, run_id)) == {"retry": b"newest", "name": b"newest"}


async def test_what_the_start_and_exit_nodes_left_is_not_in_the_archive(server: Server) -> None:
    run_id = (await server.create())["id"]
    for stage_id in ("start@1", "exit@1", "draft@1"):
        await put(server, run_id, stage_id, f"of {stage_id}", b"x")
    assert list(members(await download(server, run_id))) == ["of draft@1"]
    assert len((await server.client.get(f"/api/v1/runs/{run_id}/artifacts")).json()["data"]) == 3


async def test_an_archive_is_an_attachment_that_nobody_keeps(server: Server) -> None:
    run_id = (await server.create())["id"]
    answer = await download(server, run_id.lower())
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == f'attachment; filename="fabro-artifacts-{run_id}.zip"'
    assert answer.headers["cache-control"] == "private, no-store"
    assert members(answer) == {}


async def test_head_says_what_get_says_and_sends_nothing(server: Server) -> None:
    run_id = (await server.create())["id"]
    answer = await server.client.head(f"/api/v1/runs/{run_id}/artifacts/download")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "application/zip"


HOSTILE = {
    "../../outside": b"1",
    "/etc/passwd": b"2",
    "C:/x": b"3",
    "a\\b": b"4",
    "a\nb": b"5",
    "a\x1b[31m": b"6",
    ".git/config": b"7",
    "f": b"8",
    "f/g": b"9",
    "README": b"10",
    "readme": b"11",
    "caf\u00e9": b"12",
    "cafe\u0301": b"13",
    "aux.txt": b"14",
    "dots. ": b"15",
    "n" * 300: b"16",
    "good/name.md": b"17",
}


async def test_files_that_were_kept_under_any_name_are_downloaded_and_unpacked_anywhere(
    server: Server, tmp_path: Path
) -> None:
    """Whatever the rules were when they were kept; here they are put where the rules are not asked."""
    run_id = (await server.create())["id"]
    services = server.app.litestar.state[SERVICES]
    for number, (path, content) in enumerate(HOSTILE.items()):
        digest = hashlib.sha256(content).hexdigest()
        arrival = Arrival(path=path, size=len(content), digest=digest, read=partial(bytes, content))
        await services.runs.artifacts.keep(run_id, StageId("draft", number + 1), 0, [arrival])
        one = await server.client.get(
            f"/api/v1/runs/{run_id}/stages/draft@{number + 1}/artifacts/download", params={"filename": path, "retry": 0}
        )
        assert (one.status_code, one.content) == (200, content)
    archive = (await download(server, run_id)).content

    for unpacked in unpacked_by_each_program(archive, tmp_path / "unpacked"):
        assert sorted(unpacked) == sorted(members(await download(server, run_id)))
        assert sorted(unpacked.values()) == sorted(HOSTILE.values())
        assert unpacked["good/name.md"] == HOSTILE["good/name.md"]


def unpacked_by_each_program(archive: bytes, directory: Path) -> Iterator[dict[str, bytes]]:
    """The files that each leaves in a directory of its own; none may leave anything beside that."""
    directory.mkdir()
    by_python = directory / "python"
    with ZipFile(io.BytesIO(archive)) as opened:
        opened.extractall(by_python)
    unzip, by_unzip = shutil.which("unzip"), directory / "unzip"
    if unzip is not None:
        (directory / "a.zip").write_bytes(archive)
        subprocess.run([unzip, "-q", directory / "a.zip", "-d", by_unzip], check=True, stdin=subprocess.DEVNULL)
    assert {path.name for path in directory.iterdir()} <= {"python", "unzip", "a.zip"}
    for each in (by_python, by_unzip) if unzip is not None else (by_python,):
        yield {path.relative_to(each).as_posix(): path.read_bytes() for path in each.rglob("*") if path.is_file()}


async def test_the_same_files_make_the_same_archive_at_any_time(server: Server) -> None:
    run_id = (await server.create())["id"]
    await put(server, run_id, "draft@1", "notes \N{GREEK SMALL LETTER ALPHA}.md", bytes(100_000))
    first = await download(server, run_id)
    server.clock.advance(timedelta(days=2))
    assert (await download(server, run_id)).content == first.content
    assert len(first.content) < 1_000
