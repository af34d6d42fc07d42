"""The guides for plugin authors: their commands and files are tried, and a server starts with the plugins."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from textwrap import indent

import pytest

from tests.docs.documents import ROOT, blocks, text_of

pytestmark = pytest.mark.slow

STORE, AUTH, EXTENSION = "docs/write-a-store.md", "docs/write-an-auth-method.md", "docs/write-an-extension.md"
RESPONDER = "docs/write-a-responder.md"
KITS = {AUTH: "auth conformance", RESPONDER: "responder conformance"}

_NAMED_FILE = re.compile(r"`(?P<name>\w+\.py)`:\n\n```python\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def write_files(guide: str, directory: Path) -> None:
    """Write the files that a guide shows, under the names it gives them."""
    for match in _NAMED_FILE.finditer(text_of(guide)):
        (directory / match["name"]).write_text(match["text"])


def install(project: str, directory: Path) -> None:
    """Make the directory a distribution with the entry points of a `pyproject.toml`."""
    info = directory / "guide-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: guide\nVersion: 1.0\n")
    lines = [
        line
        for group, entries in tomllib.loads(project)["project"]["entry-points"].items()
        for line in (f"[{group}]", *(f"{name} = {target}" for name, target in entries.items()))
    ]
    (info / "entry_points.txt").write_text("\n".join(lines))


def run(directory: Path, *command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command with the programs of this interpreter's environment first."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        command,
        cwd=directory,
        env={**os.environ, "PATH": path, "HOME": str(directory), "PYTEST_ADDOPTS": "-p no:cacheprovider", **environ},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def check(directory: Path, settings: str) -> subprocess.CompletedProcess[str]:
    """`fabro check` with the settings and what is installed in the directory."""
    (directory / "settings.toml").write_text(settings)
    return run(
        directory,
        "fabro",
        "check",
        PYTHONPATH=str(directory),
        FABRO_HOME=str(directory),
        SESSION_SECRET="s" * 32,
        FABRO_DEV_TOKEN="fabro_dev_" + "0" * 64,
        ACME_SIGNING_KEY="key",
    )


def test_the_store_that_the_guide_starts_with_passes_the_kit_and_serves(tmp_path: Path) -> None:
    (commands,) = blocks(STORE, "sh")
    tested = run(tmp_path, "sh", "-ec", commands)
    assert tested.returncode == 0, tested.stdout

    package = tmp_path / "fabro-store-acme-runs"
    install((package / "pyproject.toml").read_text(), package)
    (settings,) = blocks(STORE, "toml")
    checked = check(package, f'{settings}\n[server.auth]\nmethods = ["dev-token"]\n')
    assert (checked.returncode, checked.stdout) == (0, "ok\n")
    assert len(checked.stderr.splitlines()) == 1, "the store's line, and no warning"


def test_the_excerpts_are_of_the_example_store_and_its_suite() -> None:
    example = (ROOT / "examples" / "stores" / "dict_store.py").read_text(encoding="utf-8")
    suite = (ROOT / "examples" / "stores" / "test_dict_store.py").read_text(encoding="utf-8")
    hook, append, list_runs, shown_suite, _ = blocks(STORE, "python")

    assert hook in example
    for method in (append, list_runs):
        assert indent(method, "    ") in example
    assert shown_suite == suite


def test_the_store_with_a_driver_passes_the_kit_with_the_summary_that_the_guide_shows(tmp_path: Path) -> None:
    made = run(tmp_path, "fabro", "plugin", "new", "store", "acme-runs", "--directory", str(tmp_path / "plugin"))
    assert made.returncode == 0, made.stderr
    write_files(STORE, tmp_path / "plugin")

    tested = run(tmp_path / "plugin", "python", "-m", "pytest", "-q", "test_acme_engine.py")

    assert tested.returncode == 0, tested.stdout
    printed = set(counts_left_out(tested.stdout).splitlines())
    assert set(counts_left_out(blocks(STORE, "text")[-1]).splitlines()) <= printed


def counts_left_out(text: str) -> str:
    """The number of the kit's tests differs from release to release; that of deviations does not."""
    return re.sub(r"\d+ (passed|not applicable)", r"… \1", text)


@pytest.mark.parametrize("guide", [AUTH, EXTENSION, RESPONDER])
def test_the_plugin_of_a_guide_passes_its_tests_and_serves(guide: str, tmp_path: Path) -> None:
    write_files(guide, tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    tested = run(tmp_path, "python", "-m", "pytest", "-q")
    assert tested.returncode == 0, tested.stdout
    assert [kit for kit in KITS.values() if kit in tested.stdout] == [KITS[each] for each in (guide,) if each in KITS]

    project, settings = blocks(guide, "toml")
    install(project, tmp_path)
    checked = check(tmp_path, settings)
    assert (checked.returncode, checked.stdout) == (0, "ok\n")
    assert len(checked.stderr.splitlines()) == 1, "the store's line, and no warning"


@pytest.mark.parametrize("guide", [AUTH, EXTENSION, RESPONDER])
def test_the_plugin_of_a_guide_is_correctly_typed(guide: str, tmp_path: Path) -> None:
    write_files(guide, tmp_path)
    done = run(tmp_path, "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), ".")
    assert done.returncode == 0, done.stdout
