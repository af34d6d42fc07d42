"""Plugins to boot with: distributions built in a directory, and objects in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from fabro_core.boot.assembly import Assembly, assemble
from fabro_core.boot.reading import SettingsReader
from fabro_core.errors import StartupError
from fabro_core.plugins.sources import InlinePlugin

SECRETS = {"SESSION_SECRET": "s" * 32, "FABRO_DEV_TOKEN": "fabro_dev_" + "0" * 64}


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment in which everything that is required is set."""
    return {"FABRO_HOME": str(tmp_path / "home"), **SECRETS}


Faults = Callable[..., list[str]]


@pytest.fixture
def faults(environ: dict[str, str]) -> Faults:
    """The lines of the report of a start that must fail."""

    def lines(document: dict[str, object], *plugins: InlinePlugin) -> list[str]:
        with pytest.raises(StartupError) as failed:
            assemble(SettingsReader(plugins, environ=environ).read(document))
        return [problem.line() for problem in failed.value.problems]

    return lines


@pytest.fixture
def assembled(environ: dict[str, str]) -> Callable[..., Assembly]:
    """A start that must succeed."""

    def assembly(document: dict[str, object], *plugins: InlinePlugin) -> Assembly:
        return assemble(SettingsReader(plugins, environ=environ).read(document))

    return assembly


Distribute = Callable[..., None]


@pytest.fixture
def distribute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Distribute:
    """Install a distribution for the length of the test: metadata, an entry point, and the module it leads to."""

    def install(distribution: str, group: str, name: str, module: str, source: str) -> None:
        site = tmp_path / f"site-{distribution}"
        info = site / f"{distribution.replace('-', '_')}-2.5.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 2.5\n")
        (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {module}\n")
        (site / f"{module}.py").write_text(dedent(source))
        monkeypatch.syspath_prepend(site)

    return install
