"""The generated pages: they are what the code says now, and the hooks are documented argument by argument."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from importlib import import_module

import pytest

from docs.generate.pages import PAGES, REFERENCE
from docs.generate.public_names import MODULES
from fabro_core.plugins import hookspecs
from fabro_core.store.base import RunStore
from tests.docs.documents import DOCUMENTS, code, table, text_of

PLUGIN_GUIDES = (
    "docs/write-a-store.md",
    "docs/write-an-auth-method.md",
    "docs/write-an-extension.md",
    "docs/write-a-responder.md",
)


def specified() -> dict[str, Callable[..., object]]:
    return {name: spec for name, spec in vars(hookspecs).items() if name.startswith("fabro_")}


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_what_the_code_says(name: str) -> None:
    assert (REFERENCE / name).read_text(encoding="utf-8") == PAGES[name](), "stale: run `make reference`"


def test_every_page_of_the_reference_is_generated() -> None:
    assert {path.name for path in REFERENCE.iterdir()} == set(PAGES)


def test_every_hook_is_documented_with_its_exact_arguments() -> None:
    documented: dict[str, list[str]] = {}
    for section in text_of("docs/reference/hooks.md").split("\n## ")[1:]:
        rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
        documented[code(section.splitlines()[0])[0]] = [code(row)[0] for row in rows]

    assert documented == {name: list(inspect.signature(spec).parameters) for name, spec in specified().items()}


def test_every_hook_is_used_in_a_guide() -> None:
    shown = "\n".join(text_of(guide) for guide in PLUGIN_GUIDES)
    assert {name for name in specified() if f"def {name}(" in shown} == set(specified())


def test_every_method_of_a_store_is_documented() -> None:
    methods = [name for name in vars(RunStore) if not name.startswith("_")]
    headings = re.findall(r"^### `(\w+)`$", text_of("docs/reference/store-interface.md"), re.MULTILINE)
    assert headings[: len(methods)] == methods


def test_every_public_name_is_listed_with_a_line_that_imports_it() -> None:
    lines = {
        code(cells[0])[0]: code(cells[1])[0] for cells in table("docs/reference/public-names.md", "Name", "Import")
    }
    names = {name: module for module in MODULES for name in import_module(module).__all__}
    assert lines == {name: f"from {module} import {name}" for name, module in names.items()}
    for name, line in lines.items():
        bound: dict[str, object] = {}
        exec(line, bound)
        assert bound[name] is getattr(import_module(names[name]), name)


def test_every_page_is_in_the_navigation() -> None:
    navigation = text_of("mkdocs.yml")
    pages = [name.removeprefix("docs/") for name in DOCUMENTS if name.startswith("docs/")]
    assert [page for page in pages if f": {page}\n" not in navigation] == []
