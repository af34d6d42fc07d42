"""`make` on a machine where an environment was left half-made: it says what it does, and ends with one that works.

The recipes are the real ones. What they install is a project without dependencies, so that no index is asked.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]

PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "shop"
version = "1"

[project.optional-dependencies]
server = []

[dependency-groups]
dev = []
docs = []
"""

BACKEND = '''
"""Builds the wheel of an editable installation: a module that says where it is from."""
import os
import zipfile

INFO = "shop-1.dist-info"


def build_editable(directory, config_settings=None, metadata_directory=None):
    if os.path.exists("fail"):
        raise SystemExit("no wheel today")
    with zipfile.ZipFile(os.path.join(directory, "shop-1-py3-none-any.whl"), "w") as wheel:
        wheel.writestr("shop.py", "")
        wheel.writestr(f"{INFO}/METADATA", "Metadata-Version: 2.1\\nName: shop\\nVersion: 1\\n")
        wheel.writestr(f"{INFO}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{INFO}/RECORD", f"shop.py,,\\n{INFO}/METADATA,,\\n{INFO}/WHEEL,,\\n{INFO}/RECORD,,\\n")
    return "shop-1-py3-none-any.whl"
'''

MAKING = "Making an environment in .venv"
INSTALLING = "Installing fabro and its plugins into .venv"


class Project:
    """A directory with our Makefile."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.python = path / ".venv" / "bin" / "python"
        path.mkdir()
        shutil.copy(ROOT / "Makefile", path)
        (path / "pyproject.toml").write_text(PROJECT)
        (path / "backend.py").write_text(BACKEND)

    def make(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
        return subprocess.run(
            ["make", f"PYTHON={sys.executable}", *arguments],
            cwd=self.path,
            env={**environ, "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def check_works(self) -> None:
        subprocess.run([self.python, "-c", "import shop, pip"], check=True, cwd="/")
        again = self.make("install")
        assert (again.returncode, again.stdout) == (0, "make: Nothing to be done for 'install'.\n"), again.stderr


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose environment was made."""
    project = Project(tmp_path_factory.mktemp("make") / "shop")
    done = project.make("install")
    assert (done.returncode, done.stdout.splitlines()) == (0, [MAKING, INSTALLING]), done.stderr
    return project


def python_missing(project: Project) -> None:
    project.python.unlink()


def python_removed(project: Project) -> None:
    """What the link leads to has been removed from the machine, and the packages are those of an older one."""
    (packages,) = project.path.glob(".venv/lib/python*")
    packages.rename(packages.with_name("python3.0"))
    for link in project.python.parent.glob("python*"):
        link.unlink()
        link.symlink_to("/nowhere/bin/python3")


def pip_missing(project: Project) -> None:
    """The making of the environment was broken off."""
    (site,) = project.path.glob(".venv/lib/python*/site-packages")
    shutil.rmtree(site / "pip")
    (project.path / ".venv" / ".runtime").unlink()


def installation_killed(project: Project) -> None:
    (project.path / ".venv" / ".installing").touch()
    (project.path / ".venv" / ".runtime").unlink()
    (record,) = project.path.glob(".venv/lib/python*/site-packages/shop-1.dist-info/RECORD")
    record.unlink()  # pip refuses to replace what it does not know the files of


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (python_missing, "its Python does not work"),
        (python_removed, "its Python does not work"),
        (pip_missing, "its Python does not work"),
        (installation_killed, "an installation was broken off"),
    ],
)
def test_a_half_made_environment_is_made_anew(made: Project, damage: Callable[[Project], None], reason: str) -> None:
    damage(made)

    done = made.make("install")

    assert (done.returncode, done.stdout.splitlines()) == (0, [f"{MAKING} anew: {reason}", INSTALLING]), done.stderr
    made.check_works()


def test_an_environment_without_pip_that_another_tool_has_made_is_kept(made: Project) -> None:
    for path in made.path.glob(".venv/lib/python*/site-packages/pip*"):
        shutil.rmtree(path)
    assert made.make("install").stdout == "make: Nothing to be done for 'install'.\n"
    os.utime(made.path / ".venv" / ".runtime", (0, 0))

    done = made.make("install")

    assert (done.returncode, done.stdout.splitlines()) == (0, [INSTALLING]), done.stderr
    made.check_works()


def test_an_installation_that_fails_is_tried_again_in_the_same_environment(made: Project) -> None:
    (made.path / ".venv" / ".runtime").unlink()
    (made.path / "fail").touch()
    failed = made.make("install")
    (made.path / "fail").unlink()

    done = made.make("install")

    assert failed.returncode != 0
    assert "no wheel today" in failed.stderr
    assert (done.returncode, done.stdout.splitlines()) == (0, [INSTALLING]), done.stderr
    made.check_works()


def test_a_python_that_is_too_old_is_told(tmp_path: Path) -> None:
    old = tmp_path / "python"
    old.write_text("#!/bin/sh\necho 'Python 3.11 or newer is needed' >&2\nexit 1\n")
    old.chmod(0o755)

    done = Project(tmp_path / "shop").make("install", f"PYTHON={old}")

    assert done.returncode != 0
    assert "Python 3.11 or newer is needed" in done.stderr
