"""Runs of pytest in a process of their own: what a plugin author sees."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

ROOT: Final = Path(__file__).parents[2]
DEADLINE_SECONDS: Final = 240


@dataclass(frozen=True, slots=True)
class Run:
    """What a run of pytest has said."""

    status: int
    output: str
    failures: dict[tuple[str, str], str]
    """The message of each failure, by class and test; the parameters of a test are left out."""
    properties: list[tuple[str, str]]
    """What tests have noted about themselves: names and values."""

    @property
    def summary(self) -> list[str]:
        """The lines of the section about conformance."""
        _, _, after = self.output.partition(" conformance ==")
        lines = after.splitlines()[1:]
        end = next((n for n, line in enumerate(lines) if line.startswith("=")), len(lines))
        return lines[:end]

    def broken_by(self, class_name: str) -> dict[str, str]:
        """The tests that a class has failed, each with its message."""
        return {test: message for (owner, test), message in self.failures.items() if owner == class_name}


def run_pytest(
    directory: Path,
    *arguments: str | Path,
    selection: Sequence[str] = (),
    deadline_seconds: float = DEADLINE_SECONDS,
) -> Run:
    """Run pytest on files; its report goes into `directory`. The project's root is importable."""
    report = directory / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}"]
    done = subprocess.run(
        [*command, f"--rootdir={directory}", "-c", os.devnull, "-W", "error", *selection, *map(str, arguments)],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=deadline_seconds,
        check=False,
    )
    cases = list(ElementTree.parse(report).iter("testcase"))
    properties = [(each.get("name", ""), each.get("value", "")) for case in cases for each in case.iter("property")]
    return Run(done.returncode, done.stdout + done.stderr, _failures(cases), properties)


def _failures(cases: list[ElementTree.Element]) -> dict[tuple[str, str], str]:
    found = {}
    for case in cases:
        for fault in (*case.findall("failure"), *case.findall("error")):
            owner = case.get("classname", "").rpartition(".")[2]
            test = case.get("name", "").partition("[")[0]
            found[owner, test] = f"{fault.get('message')}\n{fault.text}"
    return found
