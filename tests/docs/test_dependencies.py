"""`docs/dependencies.md` has a line for every dependency, and for nothing else."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any

from tests.docs.documents import ROOT, code, table

_NAME = re.compile(r"[A-Za-z0-9._-]+")


def requirements(project: dict[str, Any]) -> Iterator[str]:
    """Every requirement a `pyproject.toml` states, for whatever purpose."""
    yield from project["build-system"]["requires"]
    yield from project["project"]["dependencies"]
    for group in (
        *project["project"].get("optional-dependencies", {}).values(),
        *project.get("dependency-groups", {}).values(),
    ):
        yield from group


def test_every_dependency_is_explained() -> None:
    files = [ROOT / "pyproject.toml", *ROOT.glob("plugins/*/pyproject.toml")]
    projects = [tomllib.loads(path.read_text(encoding="utf-8")) for path in files]
    stated = {match[0] for project in projects for each in requirements(project) if (match := _NAME.match(each))}
    own = {project["project"]["name"] for project in projects} - {"fabro-core"}

    explained = [code(cells[0])[0] for cells in table("docs/dependencies.md", "Package")]

    assert sorted(explained) == sorted(stated - own)
