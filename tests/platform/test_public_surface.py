"""The public surface: modules that re-export, and nothing else that plugins, examples and new packages import."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from itertools import combinations
from pathlib import Path
from typing import Final

import pytest

from docs.generate.public_names import MODULES, homes, meaning
from fabro_core.plugins.kinds import KINDS, Kind
from fabro_core.scaffold.package import NewPackage

ROOT: Final = Path(__file__).parents[2]
CORE: Final = "fabro_core"
OUTSIDERS: Final = sorted(path for place in ("plugins", "examples") for path in (ROOT / place).rglob("*.py"))
KINDS_OF_PACKAGES: Final = [kind for kind in KINDS if kind.word is not None]


def public_names(module: str) -> frozenset[str]:
    """The public names of a module; empty when it is not public."""
    return frozenset(import_module(module).__all__) if module in MODULES else frozenset()


def strangers(source: str) -> Iterator[str]:
    """The names of the core that a module uses and that are not public, as dotted names."""
    tree = ast.parse(source)
    modules: dict[str, str] = {}
    """Local names of public modules."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names if _is_core(alias.name) and alias.name not in MODULES)
                modules |= {alias.asname or alias.name: alias.name for alias in names if alias.name in MODULES}
            case ast.ImportFrom(module=str(module), names=names) if _is_core(module):
                for alias in names:
                    if f"{module}.{alias.name}" in MODULES:
                        modules[alias.asname or alias.name] = f"{module}.{alias.name}"
                    elif alias.name not in public_names(module):
                        yield f"{module}.{alias.name}"
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=value, attr=name) if (place := modules.get(ast.unparse(value))) is not None:
                if name not in public_names(place) and f"{place}.{name}" not in MODULES:
                    yield f"{place}.{name}"


def _is_core(module: str) -> bool:
    return module.partition(".")[0] == CORE


@pytest.mark.parametrize("path", OUTSIDERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_plugin_or_example_imports_only_public_names(path: Path) -> None:
    assert list(strangers(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("kind", KINDS_OF_PACKAGES, ids=lambda kind: kind.word)
def test_a_new_package_imports_only_public_names(kind: Kind) -> None:
    for path, text in NewPackage(kind, "acme").files().items():
        if path.suffix == ".py":
            assert list(strangers(text)) == [], path


def test_the_github_plugin_needs_four_lines_to_import_the_core() -> None:
    plugin = ROOT / "plugins" / "auth_github" / "fabro_auth_github"
    statements = [node for path in plugin.rglob("*.py") for node in ast.walk(ast.parse(path.read_text("utf-8")))]
    assert len([node for node in statements if isinstance(node, ast.ImportFrom) and _is_core(node.module or "")]) <= 4


@pytest.mark.parametrize("module", MODULES)
def test_a_public_module_re_exports_what_is_defined_elsewhere(module: str) -> None:
    tree = ast.parse(Path(import_module(module).__file__ or "").read_text(encoding="utf-8"))
    defined = [node for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))]
    imported = [alias for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names]
    renamed = [alias.name for alias in imported if alias.asname]
    assert (defined, renamed) == ([], [])


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_is_the_one_of_its_home_and_says_what_it_means(module: str) -> None:
    for name, home in homes(module).items():
        assert getattr(import_module(module), name) is getattr(import_module(home), name), name
        assert meaning(home, name), f"{home}.{name} has no docstring"


def test_a_public_name_is_in_one_public_module() -> None:
    counted = Counter(name for module in MODULES for name in public_names(module))
    assert [name for name, places in counted.items() if places > 1] == []


def test_nothing_has_two_public_names() -> None:
    things = [(name, getattr(import_module(home), name)) for module in MODULES for name, home in homes(module).items()]
    assert [(one, other) for (one, a), (other, b) in combinations(things, 2) if a is b] == []


@pytest.mark.parametrize("module", MODULES)
def test_what_is_no_public_name_cannot_be_had(module: str) -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        _ = import_module(module).nonsense


@pytest.mark.parametrize("module", MODULES)
def test_a_public_module_lists_its_names(module: str) -> None:
    home = import_module(module)
    assert public_names(module) <= set(dir(home))


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from fabro_core import create_app, hookimpl", []),
        ("from fabro_core import boot", ["fabro_core.boot"]),
        ("from fabro_core.boot.assembly import assemble", ["fabro_core.boot.assembly.assemble"]),
        ("from fabro_core.store.records import RunRow", ["fabro_core.store.records.RunRow"]),
        ("from fabro_core.settings import from_env, variable", ["fabro_core.settings.variable"]),
        ("import fabro_core.app", ["fabro_core.app"]),
        ("import fabro_core as f\nf.create_app, f.app", ["fabro_core.app"]),
        ("import fabro_core.store\nfabro_core.store.RunRow, fabro_core.store.records", ["fabro_core.store.records"]),
        ("from fabro_core import store\nstore.RunRow, store.msgspec", ["fabro_core.store.msgspec"]),
        ("def late():\n    from fabro_core.runs import log", ["fabro_core.runs.log"]),
        ("from fabro_core_tools import anything\nimport fabro_coreography", []),
    ],
)
def test_this_test_finds_what_is_not_public(source: str, found: list[str]) -> None:
    assert list(strangers(source)) == found
