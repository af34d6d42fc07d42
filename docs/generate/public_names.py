"""The reference of the public surface: every name that plugins and embedding programs may import, and what it means."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module
from itertools import pairwise
from typing import Final

from docs.generate.markdown import code, page, prose, table

MODULES: Final = (
    "fabro_core",
    "fabro_core.store",
    "fabro_core.auth",
    "fabro_core.sessions",
    "fabro_core.settings",
    "fabro_core.testing",
    "fabro_core.client",
)
"""The public modules."""

NEEDS: Final = {
    "fabro_core.testing": "Kits and clock need pytest, anyio and hypothesis, servers and provider uvicorn as well:"
    " `pip install 'fabro-core[testing]'` brings all of them.",
}
"""What a module needs beyond the core, if anything."""

WORDS: Final = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
"""Small numbers as the documentation writes them."""


def write() -> str:
    """The page."""
    introduction = (
        "What a plugin, or a program that embeds the server, may import: the names of these"
        f" {WORDS[len(MODULES)]} modules, each with the line that imports it. They are all in `fabro-core`; what needs"
        " more than that is said above its table. [Compatibility](../compatibility.md) says what may become of them;"
        " everything else may change in any release."
    )
    return page("Public names", introduction, *(_section(module) for module in MODULES))


def import_line(module: str, name: str) -> str:
    """The line that imports a public name."""
    return f"from {module} import {name}"


def homes(module: str) -> dict[str, str]:
    """The public names of a module, each with the module that defines it."""
    imported = {
        alias.name: node.module or ""
        for node in ast.walk(_parsed(module))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    return {name: imported.get(name, module) for name in import_module(module).__all__}


def meaning(home: str, name: str) -> str:
    """What the source says about a name: a docstring, or the text below an assignment; empty when it says nothing."""
    return dict(_described(home)).get(name, "")


def _described(home: str) -> Iterator[tuple[str, str]]:
    for statement, following in pairwise([*_parsed(home).body, ast.Pass()]):
        match statement, following:
            case ((ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name)), _):
                yield name, ast.get_docstring(statement) or ""
            case (
                ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]),
                ast.Expr(ast.Constant(str(text))),
            ):
                yield name, text


def _parsed(module: str) -> ast.Module:
    return ast.parse(inspect.getsource(import_module(module)))


def _section(module: str) -> str:
    rows = [
        (code(name), code(import_line(module, name)), prose(meaning(home, name).split("\n\n")[0]))
        for name, home in homes(module).items()
    ]
    about = prose((import_module(module).__doc__ or "").split("\n\n")[0])
    needs = [prose(NEEDS[module])] if module in NEEDS else []
    return "\n\n".join([f"## `{module}`", about, *needs, table(("Name", "Import", "Meaning"), rows)])
