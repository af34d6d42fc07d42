"""The guides for plugin authors: their files are written out, their tests run, and a server starts with the plugins."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.docs.documents import blocks, text_of

STORE, AUTH = "docs/write-a-store.md", "docs/write-an-auth-method.md"

_NAMED_FILE = re.compile(r"`(?P<name>\w+\.py)`:\n\n```python\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def write_files(guide: str, directory: Path) -> None:
    """Write the files that a guide shows, under the names it gives them."""
    for match in _NAMED_FILE.finditer(text_of(guide)):
        (directory / match["name"]).write_text(match["text"])


def install(guide: str, directory: Path) -> None:
    """Make the directory a distribution with the entry points that the guide shows."""
    write_files(guide, directory)
    project = tomllib.loads(blocks(guide, "toml")[0])["project"]
    info = directory / "guide-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: guide\nVersion: 1.0\n")
    lines = [
        line
        for group, entries in project["entry-points"].items()
        for line in (f"[{group}]", *(f"{name} = {target}" for name, target in entries.items()))
    ]
    (info / "entry_points.txt").write_text("\n".join(lines))


def run(directory: Path, *command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=directory,
        env=os.environ | environ,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


@pytest.mark.parametrize(("guide", "least"), [(STORE, 50), (AUTH, 3)], ids=["store", "auth"])
def test_the_tests_of_a_guide_pass_with_its_code(guide: str, least: int, tmp_path: Path) -> None:
    write_files(guide, tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")

    done = run(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider")

    assert done.returncode == 0, done.stdout
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) >= least


def test_the_code_of_the_guides_is_correctly_typed(tmp_path: Path) -> None:
    for guide in (STORE, AUTH):
        write_files(guide, tmp_path)
    done = run(tmp_path, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), ".")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("guide", "settings"),
    [(STORE, '[server.auth]\nmethods = ["dev-token"]\n[server.store]\nkind = "snapshot"\n'), (AUTH, None)],
    ids=["store", "auth"],
)
def test_a_server_starts_with_the_plugin_of_a_guide(guide: str, settings: str | None, tmp_path: Path) -> None:
    install(guide, tmp_path)
    (tmp_path / "settings.toml").write_text(settings or blocks(guide, "toml")[1])

    done = run(
        tmp_path,
        "-c",
        "from fabro_core.cli import main; main()",
        "check",
        PYTHONPATH=str(tmp_path),
        FABRO_HOME=str(tmp_path),
        SESSION_SECRET="s" * 32,
        FABRO_DEV_TOKEN="fabro_dev_" + "0" * 64,
        ACME_SIGNING_KEY="key",
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "ok\n", "")
