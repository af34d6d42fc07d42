"""Versions of workflows over HTTP (resources.md X11, X16 row 17)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import httpx
import pytest

from fabro_core.resources.workflow_versions import MAX_BYTES, MAX_FILE_BYTES
from tests.api.conftest import Server
from tests.api.test_contract import check

pytestmark = pytest.mark.anyio

PATH = "/api/v1/workflow-versions"
SOUND = 'digraph D { start [shape=Mdiamond]; draft [prompt="Write"]; exit [shape=Msquare]; start -> draft -> exit }'
REVIEW = 'digraph R { start [shape=Mdiamond]; read [prompt="Read"]; exit [shape=Msquare]; start -> read -> exit }'
IMPORTING = (
    'digraph D { start [shape=Mdiamond]; review [import="./lib/review.fabro"]; exit [shape=Msquare]; '
    "start -> review -> exit }"
)
UNKNOWN = "0" * 64


def version(**changes: Any) -> dict[str, Any]:
    return {"entrypoint": "w.fabro", "files": {"w.fabro": SOUND}, "workflow_dependencies": {}, **changes}


async def kept(server: Server, body: dict[str, Any]) -> str:
    answer = await server.client.post(PATH, json=body)
    assert answer.status_code == 201, answer.text
    check(answer, "createWorkflowVersion")
    assert answer.json().keys() == {"workflow_version_id"}
    id_: str = answer.json()["workflow_version_id"]
    return id_


def told(answer: httpx.Response) -> tuple[int, str | None]:
    return answer.status_code, answer.json()["errors"][0].get("code")


INVALID = (422, "workflow_version_invalid")


async def test_the_id_is_the_digest_of_the_canonical_json(server: Server) -> None:
    body = version(files={"w.fabro": SOUND, "prompts/ü.md": "Grüße"})
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert await kept(server, body) == hashlib.sha256(canonical).hexdigest()


async def test_the_same_content_has_the_same_id_however_it_is_written(server: Server) -> None:
    dependency = await kept(server, version())
    first = await kept(server, version(workflow_dependencies={"lib/a.fabro": dependency}))
    second = await kept(server, version(workflow_dependencies={"lib/a.fabro": dependency.upper()}))
    other = await kept(server, version(workflow_dependencies={"lib/b.fabro": dependency}))
    assert first == second != other


async def test_a_version_may_import_what_it_depends_on_and_what_that_depends_on(server: Server) -> None:
    leaf = await kept(server, version(entrypoint="deep/leaf.fabro", files={"deep/leaf.fabro": REVIEW}))
    middle = IMPORTING.replace("./lib/review.fabro", "./leaf.fabro")
    review = await kept(
        server,
        version(entrypoint="x/m.fabro", files={"x/m.fabro": middle}, workflow_dependencies={"x/leaf.fabro": leaf}),
    )
    await kept(server, version(files={"w.fabro": IMPORTING}, workflow_dependencies={"lib/review.fabro": review}))
    await kept(server, version(files={"w.fabro": IMPORTING, "lib/review.fabro": REVIEW}))
    assert told(await server.client.post(PATH, json=version(files={"w.fabro": IMPORTING}))) == INVALID


async def test_a_dependency_that_is_not_known_has_a_code_of_its_own(server: Server) -> None:
    answer = await server.client.post(PATH, json=version(workflow_dependencies={"lib/a.fabro": UNKNOWN}))
    assert told(answer) == (422, "workflow_version_dependency_not_found")
    check(answer, "createWorkflowVersion")


@pytest.mark.parametrize("body", [b"{", b"", b"\xff", b'{"entrypoint": "\\u0000"}'])
async def test_what_is_no_json_has_a_code_of_its_own(server: Server, body: bytes) -> None:
    answer = await server.client.post(PATH, content=body)
    assert told(answer) == (400, "invalid_json")
    check(answer, "createWorkflowVersion")


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_that_is_too_large_has_a_code_of_its_own(server: Server, announced: bool) -> None:
    body = json.dumps(version()).encode().ljust(MAX_BYTES)
    assert (await server.client.post(PATH, content=body)).status_code == 201, "as large as it may be"

    async def pieces() -> Any:
        yield body
        yield b" "

    answer = await server.client.post(PATH, content=body + b" " if announced else pieces())
    assert told(answer) == (413, "workflow_version_too_large")
    check(answer, "createWorkflowVersion")


PLACE = "a/" * 15 + "w.fabro"


@pytest.mark.parametrize(
    "sound",
    [
        version(entrypoint=PLACE, files={PLACE: SOUND}),
        version(files={"w.fabro": SOUND, "a" * 240: ""}),
        version(files={"w.fabro": SOUND, "notes.md": "x" * MAX_FILE_BYTES}),
        version(files={"w.fabro": SOUND, **{f"{number}.md": "" for number in range(511)}}),
    ],
    ids=["segments", "path", "file", "files"],
)
async def test_a_version_may_be_as_large_as_the_limits_say(server: Server, sound: dict[str, Any]) -> None:
    await kept(server, sound)


@pytest.mark.parametrize(
    "body",
    [
        version(extra=1),
        version(files={"w.fabro": 1}),
        {"entrypoint": "w.fabro", "files": {"w.fabro": SOUND}},
        version(entrypoint="x.fabro"),
        version(files={}),
        version(files={"w.fabro": SOUND, **{f"{number}.md": "" for number in range(512)}}),
        version(workflow_dependencies={f"{number}.fabro": UNKNOWN for number in range(513)}),
        version(files={"w.fabro": SOUND, "notes.md": "x" * (MAX_FILE_BYTES + 1)}),
        version(files={"w.fabro": SOUND, "notes.md": "ü" * (MAX_FILE_BYTES // 2 + 1)}),
        version(files={"w.fabro": SOUND, "a" * 241: ""}),
        version(files={"w.fabro": SOUND, "ü" * 121: ""}),
        version(files={"w.fabro": SOUND, "a/" * 16 + "b": ""}),
        *(
            version(files={"w.fabro": SOUND, path: ""})
            for path in ("/a", "a\\b", "a//b", "a/", "./a", "a/../b", "..", ".", "")
        ),
        version(workflow_dependencies={"w.fabro": UNKNOWN}),
        version(workflow_dependencies={"a.fabro": "f" * 63}),
        version(workflow_dependencies={"../a.fabro": UNKNOWN}),
        version(files={"w.fabro": "digraph {"}),
        version(files={"w.fabro": "digraph D { draft }"}),
        [],
    ],
)
async def test_a_version_that_breaks_a_rule_is_refused(server: Server, body: Any) -> None:
    answer = await server.client.post(PATH, json=body)
    assert told(answer) == INVALID
    check(answer, "createWorkflowVersion")


async def test_another_media_type_is_refused_first(server: Server) -> None:
    answer = await server.client.post(PATH, content=b"{", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415
