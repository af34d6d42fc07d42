"""Everything a server needs hangs off its application; modules keep nothing."""

from __future__ import annotations

import ast
import asyncio
import gc
import sys
import weakref
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import fabro_core
from fabro_core.http.services import SERVICES
from tests.embed.serving import client_of, embedded, new_run

CORE = Path(fabro_core.__file__).parent


def serve_once(home: Path) -> list[weakref.ref[Any]]:
    """Build a server, let it answer, and drop it."""
    fabro = embedded(home)

    async def answer() -> None:
        async with fabro.app.lifespan(), client_of(fabro.app, **fabro.headers) as client:
            assert (await client.post("/api/v1/runs", content=new_run())).status_code == 201
            assert (await client.get("/api/v1/openapi.json")).status_code == 200
            assert (await client.get("/nowhere")).status_code == 404

    asyncio.run(answer())
    assembly = fabro.app.assembly
    services = fabro.app.litestar.state[SERVICES]
    return [weakref.ref(each) for each in (fabro.app, services, assembly.store, *assembly.methods)]


def modules() -> dict[str, ModuleType]:
    return {name: module for name, module in sys.modules.items() if name.split(".")[0].startswith("fabro_")}


def contents() -> dict[tuple[str, str], object]:
    """Every global of every module with what is in it, if it holds anything."""
    return {
        (name, variable): (id(value), _inside(value))
        for name, module in modules().items()
        for variable, value in vars(module).items()
        if not (variable.startswith("__") or isinstance(value, ModuleType))
    }


def _inside(value: object) -> object:
    if isinstance(value, dict):
        return [(id(key), id(each)) for key, each in value.items()]
    return [id(each) for each in value] if isinstance(value, list | set) else None


def test_serving_two_servers_changes_no_global(tmp_path: Path) -> None:
    serve_once(tmp_path / "first")  # imports what is imported late
    before = contents()

    for name in ("one", "other"):
        serve_once(tmp_path / name)

    assert contents() == before


def test_a_server_that_is_dropped_is_gone(tmp_path: Path) -> None:
    remembered = serve_once(tmp_path)
    gc.collect()

    assert [ref() for ref in remembered] == [None] * len(remembered)


@pytest.mark.parametrize("path", sorted(CORE.rglob("*.py")), ids=lambda path: str(path.relative_to(CORE)))
def test_no_function_binds_a_name_of_its_module(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))

    assert [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Global)] == []


def test_importing_costs_no_framework() -> None:
    """`import fabro_core` alone; the names load what they need."""
    tree = ast.parse((CORE / "__init__.py").read_text(encoding="utf-8"))
    imported = {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}

    assert imported == {"__future__", "fabro_core.lazy", "typing"}
