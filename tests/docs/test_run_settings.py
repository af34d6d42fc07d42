"""`docs/run-settings.md`: what its files are said to come to is what a server answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fabro_core.runs.settings.model import Run
from tests.api.conftest import in_memory, manifest, serving
from tests.docs.documents import blocks

pytestmark = pytest.mark.anyio

PAGE = "docs/run-settings.md"

TOML = blocks(PAGE, "toml")
EXAMPLES = list(zip(TOML[::2], TOML[1::2], map(json.loads, blocks(PAGE, "json")), strict=True))


def shown_tables(resolved: Any) -> set[str]:
    """The keys of `run` that an example shows."""
    return set(resolved.get("run", {}))


def part_of(whole: Any, part: Any) -> Any:
    """What `whole` has of the tables that `part` has at its top and below `run`."""
    return {
        key: {name: whole["run"][name] for name in value} if key == "run" else whole[key] for key, value in part.items()
    }


@pytest.mark.parametrize(("project", "workflow", "resolved"), EXAMPLES)
async def test_the_files_come_to_what_the_page_shows(
    project: str, workflow: str, resolved: Any, tmp_path: Path
) -> None:
    body = manifest(configs=[{"type": "project", "path": ".fabro/project.toml", "source": project}])
    (entry,) = body["workflows"].values()
    entry["config"] = {"path": "examples/workflow.toml", "source": workflow}
    async with serving(in_memory(), tmp_path) as server:
        created = await server.client.post("/api/v1/runs", json=body)
        assert created.status_code == 201, created.text
        settings = (await server.client.get(f"/api/v1/runs/{created.json()['id']}/settings")).json()
    assert part_of(settings, resolved) == resolved


def test_every_table_is_shown() -> None:
    shown = set().union(*(shown_tables(resolved) for *_, resolved in EXAMPLES))
    assert set(Run.__struct_fields__) - shown == {"goal"}  # what it comes to depends on the graph
