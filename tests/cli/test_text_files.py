"""A byte order mark in front of a text file makes no difference, whichever file it is; and one module knows of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import msgspec
import pytest

from fabro_core.client.manifest import build_manifest, encode_manifest
from fabro_core.client.run_options import RunOptions
from fabro_core.runs.create.manifest import read_manifest
from fabro_core.runs.create.plan import judge, settle
from fabro_core.runs.create.work import PlanningWork
from fabro_core.runs.settings.stored import StoredSettings
from tests.cli.terminal import Home
from tests.cli.test_auth_local import dev_token, log_in_from_stdin
from tests.test_imports import ROOT, SHIPPED

MARK: Final = "\ufeff"

FILES: Final = {
    ".fabro/project.toml": '[project]\nname = "shop"\n[run.inputs]\ncolour = "red"\n',
    "user.toml": '[run.model]\nname = "of-the-user"\n',
    "w/workflow.toml": '[workflow]\ngraph = "w.fabro"\n[run.goal]\nfile = "goal.md"\n'
    '[run.environment.image.dockerfile]\npath = "Dockerfile"\n',
    "w/w.fabro": """digraph W {
        start [shape=Mdiamond] done [shape=Msquare] start -> a -> b -> c -> done
        a [prompt="@ask.md", output_schema="@schema.json"]
        b [prompt="{% include 'rules.md' %}!"]
        c [import="./part.fabro"]
    }""",
    "w/part.fabro": 'digraph P { start [shape=Mdiamond] done [shape=Msquare] start -> p -> done p [prompt="@p.md"] }',
    "w/goal.md": "Ship it in {{ inputs.colour }}",
    "w/ask.md": "Ask for {{ goal }}",
    "w/rules.md": "Be kind",
    "w/p.md": "Paint",
    "w/schema.json": '{"type": "object"}',
    "w/Dockerfile": "FROM scratch\n",
}


def planned(root: Path, marked: str | None = None, goal: str | None = None) -> tuple[bytes, bytes, bytes]:
    """Graph, settings and diagnostics of a workflow of which one file has a mark in front."""
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((MARK + text if name == marked else text).encode())
    manifest = build_manifest("w", cwd=root, options=RunOptions(goal=goal), user_settings=Path("user.toml"))
    work = PlanningWork()
    judgement = judge(settle(read_manifest(encode_manifest(manifest).encode()), StoredSettings(), work), work)
    encode = msgspec.json.encode
    return encode(judgement.workflow.graph), bytes(judgement.settings), encode(judgement.diagnostics)


def test_every_file_of_the_project_is_used(tmp_path: Path) -> None:
    graph, settings, diagnostics = planned(tmp_path)

    for text in (b"Ask for Ship it in red", b"Be kind!", b"Paint", b'{\\"type\\": \\"object\\"}'):
        assert text in graph
    assert b"FROM scratch" in settings
    assert b"of-the-user" in settings
    assert b'"error"' not in diagnostics


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_a_workflow_may_have_one(name: str, tmp_path: Path) -> None:
    assert planned(tmp_path, marked=name) == planned(tmp_path)


def test_a_goal_that_is_given_may_have_one(tmp_path: Path) -> None:
    assert planned(tmp_path, goal=f"{MARK}Paint it") == planned(tmp_path, goal="Paint it")


def test_files_of_the_server_and_of_logins_may_have_one(ready: Home) -> None:
    for name in ("settings.toml", "server.env"):
        path = ready.path / name
        path.write_text(MARK + path.read_text())
    ready.start_foreground("--bind", str(ready.path / "fabro.sock"))
    token = dev_token(ready)
    assert log_in_from_stdin(ready, MARK + token).returncode == 0
    logins = ready.path / "auth.json"
    logins.write_text(MARK + logins.read_text())

    assert ready.run("auth", "status").returncode == 0


WITHOUT_PEOPLE: Final = {
    "fabro_core/client/project_files.py": "sends files as they are",
    "fabro_core/scaffold/package.py": "our own templates",
    "fabro_core/server/log_file.py": "our own log",
    "fabro_core/server/record.py": "our own record",
    "fabro_core/unseen.py": "spells the mark out, and reads nothing",
    "fabro_core/upkeep/machine.py": "what the kernel tells",
    "fabro_core/web/assets.py": "our own static files",
    "plugins/store_redis/fabro_store_redis/scripts.py": "our own scripts",
}
"""Modules that read files which nobody writes with an editor, and why."""

_READS = re.compile(
    r"\.read_text\(|\.read_bytes\(|\.open\(\"r|\.open\(encoding|(?<!def )(?<![.\w])open\(|BOM_UTF8|ufeff|utf-8-sig"
)


def test_what_people_write_is_read_in_one_way() -> None:
    reading = {
        path.relative_to(ROOT).as_posix()
        for path in SHIPPED
        if "tests" not in path.parts and "testing" not in path.parts and _READS.search(path.read_text())
    }

    assert reading - {"fabro_core/text.py", "fabro_core/server/logs.py"} == set(WITHOUT_PEOPLE)
