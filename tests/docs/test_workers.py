"""`docs/workers.md`: its commands, one shell after the other, print what it shows."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fabro_core.models.events.catalogue import PROPERTIES
from tests.docs.documents import ROOT, blocks, code, table, text_of

pytestmark = pytest.mark.slow

GUIDE = "docs/workers.md"

END_OF_BLOCK = "-- end of block --"


@pytest.fixture
def environ(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A user's environment with an empty home; `make` finds this interpreter's installation instead of making one."""
    installed = tmp_path / "installed"
    installed.touch()
    home = Path(tempfile.mkdtemp(prefix="fabro-"))  # short enough for a Unix socket
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FABRO_", "SESSION_", "MAKE"))}
    environ = kept | {"HOME": str(home), "MAKEFLAGS": f"-s VENV={sys.prefix} RUNTIME={installed}"}
    yield environ
    command = [sys.executable, "-c", "from fabro_core.cli import main; main()", "server", "stop"]
    subprocess.run(command, env=environ, capture_output=True, timeout=60, check=False)
    shutil.rmtree(home)


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("make")), reason="the page uses curl and make")
def test_the_commands_print_what_the_page_shows(environ: dict[str, str], tmp_path: Path) -> None:
    install, *session = blocks(GUIDE, "sh")
    script = f"\necho '{END_OF_BLOCK}'\n".join([install + "exec 2>&1", *session])
    for place in ("Makefile", "examples", "pyproject.toml", "plugins"):
        (tmp_path / place).symlink_to(ROOT / place)
    (tmp_path / ".venv").symlink_to(sys.prefix)

    done = subprocess.run(
        ["sh", "-ec", script], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=180, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    printed = [text for text in done.stdout.split(f"{END_OF_BLOCK}\n")[1:] if text]
    assert printed == blocks(GUIDE, "text")


def test_every_event_that_the_page_names_is_in_the_catalogue() -> None:
    named = set(re.findall(r"`((?:run|stage|command|checkpoint|interview)\.[a-z_.]+)`", text_of(GUIDE)))
    assert named
    assert named <= PROPERTIES.keys()


def test_the_parts_of_the_example_that_the_page_names_are_in_it() -> None:
    module = ast.parse((ROOT / "examples/worker.py").read_text(encoding="utf-8"))
    parts = {each.name for each in module.body if isinstance(each, ast.ClassDef | ast.AsyncFunctionDef)}
    named = [name for cells in table(GUIDE, "Part of `examples/worker.py`") for name in code(cells[0])]
    assert named
    assert set(named) <= parts


def test_the_example_is_correctly_typed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), "worker.py"]
    done = subprocess.run(command, cwd=ROOT / "examples", capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout
