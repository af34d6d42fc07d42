"""An environment as users have one: our wheels, wheels of third-party plugins, and what they depend on.

The packages of others come from wherever pip finds packages, as they did for the environment that runs the tests.
"""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from fabro_core.plugins.kinds import AUTH, EXTENSION, STORE, Group
from fabro_core.scaffold.package import NewPackage

ROOT: Final = Path(__file__).parents[2]
OURS: Final = (ROOT, ROOT / "plugins" / "auth_devtoken")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A third-party plugin."""

    group: str
    name: str
    distribution: str
    project: Path

    def blocks(self, language: str) -> list[str]:
        """The fenced code blocks of one language in its README."""
        readme = (self.project / "README.md").read_text(encoding="utf-8")
        return re.findall(rf"^```{language}\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment without pip."""

    directory: Path
    candidates: dict[str, Candidate]
    """By distribution."""

    @property
    def programs(self) -> Path:
        return self.directory / "bin"

    @property
    def variables(self) -> dict[str, str]:
        """Those of this process, with the programs of the environment first and nothing that points elsewhere."""
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYTHONPATH"))
        }
        return inherited | {"PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}"}

    def run(self, directory: Path, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in a directory to its end."""
        return subprocess.run(
            command, cwd=directory, env=self.variables, capture_output=True, text=True, timeout=180, check=False
        )


NEW: Final = {
    package.distribution: package
    for package in (NewPackage(STORE, "test"), NewPackage(AUTH, "class"), NewPackage(EXTENSION, "json-test"))
}
"""What `fabro plugin new` would write, by distribution, with names that mean something to Python and to pytest."""

EXAMPLES: Final = {
    "fabro-auth-apikeys": (Group.AUTH, "api-keys", ROOT / "examples" / "plugins" / "auth_apikeys"),
    "fabro-ext-answers": (Group.EXT, "answers", ROOT / "examples" / "plugins" / "ext_answers"),
    "fabro-ext-report": (Group.EXT, "report", ROOT / "examples" / "plugins" / "ext_report"),
}


def _candidates(directory: Path) -> dict[str, Candidate]:
    new = {name: (package.kind.group, package.name, directory / name) for name, package in NEW.items()}
    return {name: Candidate(group, key, name, project) for name, (group, key, project) in {**new, **EXAMPLES}.items()}


def environment(directory: Path) -> Environment:
    """The environment in `directory`, made if it is not there yet; several processes may ask for it at once."""
    directory.mkdir(exist_ok=True)
    with _exclusively(directory):
        made = Environment(directory / "venv", _candidates(directory))
        if not (directory / "complete").exists():
            for name, package in NEW.items():
                package.write(directory / name)
            _make(made, directory / "wheels")
            (directory / "complete").touch()
    return made


def _make(made: Environment, wheels: Path) -> None:
    projects = [*OURS, *(candidate.project for candidate in made.candidates.values())]
    isolation = ["--no-build-isolation"] if find_spec("hatchling") else []
    _pip("wheel", "--no-deps", *isolation, "--wheel-dir", str(wheels), *map(str, projects))
    venv.create(made.directory, with_pip=False)
    built = [f"{path}[testing]" if path.name.startswith("fabro_core-") else str(path) for path in wheels.glob("*.whl")]
    _pip("--python", str(made.programs / "python"), "install", *built)


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


@contextmanager
def _exclusively(directory: Path) -> Iterator[None]:
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
