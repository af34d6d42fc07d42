"""What `fabro plugin new` writes: names, style, types. That it installs and serves: `test_installed_plugins`."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from fabro_core import __version__
from fabro_core.plugins.kinds import AUTH, EXTENSION, KINDS, STORE, Group, Kind
from fabro_core.scaffold.package import AlreadyThere, NewPackage

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
NAMES = ("x", "acme-2-rows", "acme-corporate-directory", "test", "run")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, timeout=180, check=False
    )


@pytest.fixture(params=NAMES)
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A directory with a package of each kind, all of one name."""
    for kind in KINDS:
        package = NewPackage(kind, request.param)
        package.write(tmp_path / package.distribution)
    return tmp_path


def test_new_packages_have_our_style(written: Path) -> None:
    modules = [path.stem for path in written.glob("*/fabro_*.py")]
    roles = ["--config", "examples/plugins/ruff.toml", "--config", f"lint.isort.known-first-party={modules}"]
    for command in (("check",), ("format", "--check")):
        done = run("ruff", *command, "--no-cache", *roles, str(written))
        assert done.returncode == 0, done.stdout


def test_the_examples_have_our_style() -> None:
    for command in (("check",), ("format", "--check")):
        done = run("ruff", *command, "--no-cache", "examples/plugins")
        assert done.returncode == 0, done.stdout


def test_new_packages_and_examples_are_correctly_typed(tmp_path: Path) -> None:
    for kind in KINDS:
        for name in ("acme", "test", "run"):
            package = NewPackage(kind, name)
            package.write(tmp_path / package.distribution)
    examples = ROOT / "examples" / "plugins"
    modules = [*tmp_path.rglob("*.py"), *examples.glob("*/test_*.py"), *examples.glob("*/fabro_*")]

    done = run("mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), *map(str, modules))

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("kind", "distribution", "group"),
    [
        (STORE, "fabro-store-acme-rows", "fabro.store"),
        (AUTH, "fabro-auth-acme-rows", "fabro.auth"),
        (EXTENSION, "fabro-ext-acme-rows", "fabro.ext"),
    ],
)
def test_the_project_has_the_entry_point_and_needs_this_core(kind: Kind, distribution: str, group: str) -> None:
    project = tomllib.loads(NewPackage(kind, "acme-rows").files()[Path("pyproject.toml")])["project"]

    module = distribution.replace("-", "_")
    assert project["name"] == distribution
    assert project["entry-points"] == {group: {"acme-rows": module}}
    major = int(__version__.split(".")[0])
    assert project["dependencies"] == [f"fabro-core>={major}.0,<{major + 1}"]


def test_every_template_is_written() -> None:
    assert {each.name for each in (files("fabro_core.scaffold") / "templates").iterdir()} == {
        kind.word for kind in KINDS
    }
    for kind in KINDS:
        templates = files("fabro_core.scaffold") / "templates" / str(kind.word)
        assert len(NewPackage(kind, "acme").files()) == len(list(templates.iterdir()))


@pytest.mark.parametrize(
    "name", ["", "Acme", "acme_rows", "-acme", "acme-", "a--b", "1st", "acme rows", "../acme", "é"]
)
def test_a_name_that_settings_cannot_have_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="expected lower-case letters"):
        NewPackage(STORE, name)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (STORE, "sqlite"),
        (STORE, "memory"),
        (STORE, "redis"),
        (AUTH, "dev-token"),
        (AUTH, "devtoken"),
    ]
    + [(kind, key) for kind in KINDS for key in sorted(kind.section.own_keys)],
)
def test_a_name_that_means_something_else_is_refused(kind: Kind, name: str) -> None:
    with pytest.raises(ValueError, match="is taken"):
        NewPackage(kind, name)


def test_a_name_that_is_taken_in_one_group_is_free_in_another() -> None:
    assert NewPackage(EXTENSION, "sqlite").kind.group is Group.EXT


def test_an_auth_method_whose_tokens_are_those_of_the_core_is_refused() -> None:
    with pytest.raises(ValueError, match="overlaps the reserved prefix"):
        NewPackage(AUTH, "fabro")


def test_nothing_is_written_when_one_file_is_there(tmp_path: Path) -> None:
    (tmp_path / "README.md").symlink_to(tmp_path / "nowhere")

    with pytest.raises(AlreadyThere, match=r"README\.md exists"):
        NewPackage(STORE, "acme").write(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
