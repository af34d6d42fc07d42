"""The distributions as users get them: built, and looked into."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from configparser import ConfigParser
from email import message_from_string
from email.message import Message
from pathlib import Path
from typing import Any, Final

import pytest

from fabro_core import __version__
from fabro_core.plugins.kinds import KINDS

pytestmark = pytest.mark.slow

ROOT: Final = Path(__file__).parents[2]

PROJECTS: Final = {
    "fabro-core": ROOT,
    "fabro-auth-devtoken": ROOT / "plugins" / "auth_devtoken",
    "fabro-auth-github": ROOT / "plugins" / "auth_github",
    "fabro-store-postgres": ROOT / "plugins" / "store_postgres",
    "fabro-store-redis": ROOT / "plugins" / "store_redis",
    "fabro-store-sqlite": ROOT / "plugins" / "store_sqlite",
}

distribution = pytest.mark.parametrize("name", PROJECTS)


class Wheel:
    """A built wheel."""

    def __init__(self, path: Path) -> None:
        self._archive = zipfile.ZipFile(path)
        self.files: Final = frozenset(self._archive.namelist())
        self._info: Final = next(name.split("/")[0] for name in self.files if ".dist-info/" in name)

    def text(self, name: str) -> str:
        return self._archive.read(name).decode()

    @property
    def metadata(self) -> Message:
        return message_from_string(self.text(f"{self._info}/METADATA"))

    @property
    def license(self) -> str:
        return self.text(f"{self._info}/licenses/LICENSE")

    @property
    def entry_points(self) -> dict[str, dict[str, str]]:
        parser = ConfigParser()
        name = f"{self._info}/entry_points.txt"
        parser.read_string(self.text(name) if name in self.files else "")
        return {section: dict(parser[section]) for section in parser.sections()}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Wheel]:
    """All of them, built as `pip` builds them for a user."""
    target = tmp_path_factory.mktemp("wheels")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(target)]
    subprocess.run([*command, *map(str, PROJECTS.values())], check=True, capture_output=True, text=True, timeout=120)
    return {name: Wheel(next(target.glob(f"{name.replace('-', '_')}-*.whl"))) for name in PROJECTS}


def package(name: str) -> str:
    return name.replace("-", "_")


def project(name: str) -> dict[str, Any]:
    """The `[project]` table that a distribution was built from."""
    table: dict[str, Any] = tomllib.loads((PROJECTS[name] / "pyproject.toml").read_text())["project"]
    return table


@distribution
def test_a_wheel_is_typed_and_carries_the_license(name: str, wheels: dict[str, Wheel]) -> None:
    assert f"{package(name)}/py.typed" in wheels[name].files
    assert wheels[name].license == (ROOT / "LICENSE").read_text()


@distribution
def test_a_wheel_holds_every_file_of_its_package_and_nothing_else(name: str, wheels: dict[str, Wheel]) -> None:
    directory = PROJECTS[name] / package(name)
    sources = {
        f"{package(name)}/{path.relative_to(directory)}"
        for path in directory.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert {file for file in wheels[name].files if ".dist-info/" not in file} == sources


@distribution
def test_the_entry_points_are_those_of_the_project(name: str, wheels: dict[str, Wheel]) -> None:
    declared = dict(project(name).get("entry-points", {}))
    if scripts := project(name).get("scripts"):
        declared["console_scripts"] = scripts
    assert wheels[name].entry_points == declared


@distribution
def test_the_metadata_says_what_a_user_must_know(name: str, wheels: dict[str, Wheel]) -> None:
    metadata = wheels[name].metadata
    assert (metadata["Name"], metadata["Version"]) == (name, __version__)
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata["Summary"]


@pytest.mark.parametrize("extra", [extra for kind in KINDS for extra in kind.shipped.values() if extra])
def test_the_extra_of_a_plugin_brings_the_command_and_a_server(extra: str) -> None:
    assert "fabro-core[server]" in project("fabro-core")["optional-dependencies"][extra]


@distribution
def test_the_version_stands_in_the_code_alone(name: str) -> None:
    assert "version" not in project(name)
    assert project(name)["dynamic"] == ["version"]


@distribution
def test_a_wheel_is_built_from_the_source_distribution_alone(name: str, tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=PROJECTS[name], check=True, capture_output=True, text=True, timeout=120)
    (source,) = tmp_path.glob("*.tar.gz")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", tmp_path, source], check=True, capture_output=True, text=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    assert Wheel(wheel).metadata["Version"] == __version__
