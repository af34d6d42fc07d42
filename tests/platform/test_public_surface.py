"""Plugins import nothing of the core but its public surface: ours, the examples, and what `fabro plugin new` writes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Final

import pytest

from fabro_core.plugins.kinds import KINDS, Kind
from fabro_core.public import PUBLIC, public_names
from fabro_core.scaffold.package import NewPackage

ROOT: Final = Path(__file__).parents[2]
CORE: Final = "fabro_core"
OUTSIDERS: Final = sorted(path for place in ("plugins", "examples") for path in (ROOT / place).rglob("*.py"))


def strangers(source: str) -> Iterator[str]:
    """The names of the core that a module uses and that are not public, as dotted names."""
    tree = ast.parse(source)
    modules: dict[str, str] = {}
    """Local names of public modules."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names if _is_core(alias.name) and alias.name != CORE)
                modules |= {alias.asname or alias.name: CORE for alias in names if alias.name == CORE}
            case ast.ImportFrom(module=str(module), names=names) if _is_core(module):
                for alias in names:
                    if f"{module}.{alias.name}" in PUBLIC:
                        modules[alias.asname or alias.name] = f"{module}.{alias.name}"
                    elif alias.name not in public_names(module):
                        yield f"{module}.{alias.name}"
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=local), attr=name) if local in modules:
                if name not in public_names(modules[local]):
                    yield f"{modules[local]}.{name}"


def _is_core(module: str) -> bool:
    return module.partition(".")[0] == CORE


@pytest.mark.parametrize("path", OUTSIDERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_plugin_or_example_imports_only_public_names(path: Path) -> None:
    assert list(strangers(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("kind", list(KINDS), ids=lambda kind: kind.word)
def test_a_new_package_imports_only_public_names(kind: Kind) -> None:
    for path, text in NewPackage(kind, "acme").files().items():
        if path.suffix == ".py":
            assert list(strangers(text)) == [], path


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_name_exists(module: str) -> None:
    home = import_module(module)
    assert public_names(module)
    assert [name for name in public_names(module) if not hasattr(home, name)] == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from fabro_core import create_app, hookimpl", []),
        ("from fabro_core import boot", ["fabro_core.boot"]),
        ("from fabro_core.boot.assembly import assemble", ["fabro_core.boot.assembly.assemble"]),
        (
            "from fabro_core.config.secrets import from_env, process_environment",
            ["fabro_core.config.secrets.process_environment"],
        ),
        ("import fabro_core.app", ["fabro_core.app"]),
        ("import fabro_core as f\nf.create_app, f.app", ["fabro_core.app"]),
        ("from fabro_core.store import records\nrecords.RunRow, records.msgspec", ["fabro_core.store.records.msgspec"]),
        ("def late():\n    from fabro_core.runs import log", ["fabro_core.runs.log"]),
        ("from fabro_core_tools import anything\nimport fabro_coreography", []),
    ],
)
def test_this_test_finds_what_is_not_public(source: str, found: list[str]) -> None:
    assert list(strangers(source)) == found
