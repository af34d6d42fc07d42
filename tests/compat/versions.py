"""Runs the tests with the other versions of Python that the metadata names, as far as this machine has them.

`make test test-slow` run with the Python of `.venv`. This leaves out what is slow, and all stores but one where they
make no difference, unless it is told otherwise, and measures with the newest version, where measuring costs little,
which lines the tests reach.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
ENVIRONMENTS: Final = ROOT / ".venv"
PLUGINS: Final = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))
LEAST_COVERED: Final = 25
QUICK: Final = "not slow and not fabro_long and not other_store"
ALONE: Final = {name: value for name, value in os.environ.items() if name not in ("FABRO_CONTRACT", "FABRO_CORPUS")}
"""The environment of whoever has this repository and nothing else, for which the tests have to work as well."""
_VERSION: Final = re.compile(r"Programming Language :: Python :: (3\.\d+)")


def claimed_versions() -> list[str]:
    """The versions of Python that the metadata of the core names, such as `3.11`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [match[1] for each in project["classifiers"] if (match := _VERSION.fullmatch(each))]


def interpreter(version: str) -> Path | None:
    """One that runs by its name, or one that pyenv keeps, whose command need not work; None when there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    named = shutil.which(f"python{version}")
    candidates = [*([Path(named)] if named else []), *sorted(pyenv.glob(f"versions/{version}.*/bin/python"))]
    for each in candidates:
        asked = subprocess.run([each, "-c", "import sys; print(sys.executable)"], capture_output=True, text=True)
        if asked.returncode == 0:
            return Path(asked.stdout.strip())
    return None


def environment(version: str, python: Path) -> Path:
    """The directory of programs of a new environment, with everything that development needs."""
    place = ENVIRONMENTS / f"python{version}"
    _uv("venv", "--seed", "--clear", "--python", python, place)
    projects = [word for project in (ROOT, *PLUGINS) for word in ("--editable", project)]
    _uv("pip", "install", "--python", place / "bin" / "python", *projects, "--group", "dev")
    return place / "bin"


def _uv(*arguments: str | Path) -> None:
    subprocess.run([Path(sys.executable).with_name("uv"), "--quiet", *arguments], cwd=ROOT, check=True)


def run_tests(programs: Path, *, measured: bool, selection: Iterable[str]) -> bool:
    """Whether all tests have passed. What they reached is printed, the least covered modules first."""
    pytest = ["-m", "pytest", "-q", *selection]
    if not measured:
        return subprocess.run([programs / "python", *pytest], cwd=ROOT, env=ALONE).returncode == 0
    coverage = programs / "coverage"
    subprocess.run([coverage, "erase"], cwd=ROOT, check=True)
    passed = subprocess.run([coverage, "run", *pytest], cwd=ROOT, env=ALONE).returncode == 0
    subprocess.run([coverage, "combine", "--quiet"], cwd=ROOT, check=True)
    told = subprocess.run([coverage, "report"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    report = told.splitlines()
    print(f"The {LEAST_COVERED} least covered modules:", *report[: LEAST_COVERED + 2], *report[-3:], sep="\n")
    return passed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.compat.versions", description=__doc__)
    parser.add_argument("--slow", action="store_true", help="run all tests, with all versions")
    parser.add_argument("arguments", nargs="*", help="for pytest, behind --")
    given = parser.parse_args()
    selection = ["-n", "2", "--dist", "worksteal", *([] if given.slow else ["-m", QUICK]), *given.arguments]

    present: dict[str, Path] = {}
    for version in claimed_versions():
        if python := interpreter(version):
            present[version] = python
        else:
            print(f"Python {version} is not on this machine: nothing is tested with it")
    newest, own = list(present)[-1], f"{sys.version_info.major}.{sys.version_info.minor}"

    passed = True
    for version, python in present.items():
        if version == own and version != newest and not given.slow:
            continue
        print(f"Python {version}:", flush=True)
        programs = environment(version, python)
        passed &= run_tests(programs, measured=version == newest, selection=selection)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
