"""Any legal name makes a sound package, and any other text is told why it is none, with a name that is (auth.md A1)."""

from __future__ import annotations

import ast
import keyword
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fabro_core.config.values import PLUGIN_NAME_PATTERN
from fabro_core.plugins.kinds import AUTH, EXTENSION, KINDS, STORE, Kind
from fabro_core.scaffold.package import LONGEST_NAME, NewPackage, name_fault, near_name

MEANT_OTHERWISE = (
    "test",
    "tests",
    "testing-x",
    "x-test",
    "run",
    "settings",
    "conftest",
    "pytest",
    "fabro-core",
    "greeting",
)
"""Names that mean something to pytest, to the core, or in a template."""

WORDS_OF_PYTHON = sorted(
    name
    for name in {*keyword.kwlist, *keyword.softkwlist, *sys.stdlib_module_names}
    if PLUGIN_NAME_PATTERN.fullmatch(name)
)

kinds = st.sampled_from([kind for kind in KINDS if kind.word is not None])
names = st.from_regex(PLUGIN_NAME_PATTERN, fullmatch=True)
texts = st.text() | names | names.map(str.upper) | names.map(lambda name: name.replace("-", "_"))


def check_package(package: NewPackage) -> None:
    files = package.files()
    project = tomllib.loads(files[Path("pyproject.toml")])
    (entry_points,) = project["project"]["entry-points"].values()
    patterns = project["tool"]["pytest"]["ini_options"]["python_files"]
    modules = {path.stem: ast.parse(text) for path, text in files.items() if path.suffix == ".py"}
    (tested,) = [stem for stem in modules if any(fnmatch(f"{stem}.py", pattern) for pattern in patterns)]

    assert entry_points == {package.name: package.module}
    assert modules.keys() == {package.module, f"test_{package.module}"}
    assert tested == f"test_{package.module}", "the plugin itself is no file of tests"
    assert all(len(str(path)) <= 128 for path in files)
    for module in modules.values():
        assert {name: times for name, times in Counter(bound(module)).items() if times > 1} == {}
    assert not [name for name in imported(modules[tested]) if name.startswith(("Test", "test"))]
    for settings in re.findall(r"^```toml\n(.*?)^```$", files[Path("README.md")], re.MULTILINE | re.DOTALL):
        assert package.name in str(tomllib.loads(settings))


def bound(module: ast.Module) -> Iterator[str]:
    """The names that a module gives to something, at its top."""
    yield from imported(module)
    for statement in module.body:
        match statement:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.Assign(targets=[ast.Name(id=name)]):
                yield name


def imported(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (alias.asname or alias.name for alias in node.names)


def check_name(kind: Kind, text: str) -> None:
    fault, near = name_fault(kind, text), near_name(kind, text)
    assert name_fault(kind, near) is None, "what is proposed can be had"
    if fault is None:
        assert near == text
        check_package(NewPackage(kind, text))
    else:
        with pytest.raises(ValueError, match=re.escape(f"{fault}; try {near}")):
            NewPackage(kind, text)


@given(kinds, texts)
@example(STORE, "a" * LONGEST_NAME)
@example(STORE, "a" * (LONGEST_NAME + 1))
@example(EXTENSION, "-".join("a" * 200))
@example(AUTH, "fabro")
def test_a_name_makes_a_sound_package_or_is_refused_with_one_that_does(kind: Kind, text: str) -> None:
    check_name(kind, text)


@pytest.mark.parametrize("kind", [STORE, AUTH, EXTENSION], ids=lambda kind: kind.word)
def test_names_with_another_meaning_make_sound_packages(kind: Kind) -> None:
    for name in (*MEANT_OTHERWISE, *WORDS_OF_PYTHON):
        check_package(NewPackage(kind, name))


@pytest.mark.parametrize(
    ("kind", "text", "near"),
    [
        (STORE, "Acme_Rows", "acme-rows"),
        (STORE, "acme.rows", "acme-rows"),
        (STORE, "2nd-rows", "nd-rows"),
        (STORE, "--a--b--", "a-b"),
        (STORE, "Zürich", "zurich"),
        (STORE, "", "acme"),
        (STORE, "42", "acme"),
        (STORE, "sqlite", "my-sqlite"),
        (STORE, "x" * 65, "x" * 64),
        (AUTH, "fabro", "my-fabro"),
        (AUTH, "methods", "my-methods"),
    ],
)
def test_a_refusal_names_what_was_probably_meant(kind: Kind, text: str, near: str) -> None:
    with pytest.raises(ValueError, match=rf"; try {near}$"):
        NewPackage(kind, text)
