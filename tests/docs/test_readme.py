"""The README's shell blocks, run as a reader would run them: real servers, a fresh home, only the port is replaced."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest

from fabro_core.cli import cli
from tests.docs.documents import ROOT, blocks, code, table
from tests.ports import free_port

pytestmark = pytest.mark.slow

ADDRESS = "127.0.0.1:3000"
_WORD = re.compile(r"[a-z][a-z-]*")
"""Of a command."""
"""What the README serves on; replaced by a free port."""

TITLES = {
    "Show that a worker can run commands",
    "Publish a release that a person has read",
    "Review the change on this branch",
}

needs_curl_and_make = pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("make")), reason="the README uses curl and make"
)


@pytest.fixture
def environ(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A user's environment with an empty home; `make` finds this interpreter's installation instead of making one."""
    installed = tmp_path / "installed"
    installed.touch()
    home = Path(tempfile.mkdtemp(prefix="fabro-"))  # short enough for a Unix socket
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FABRO_", "SESSION_", "MAKE"))}
    yield kept | {"HOME": str(home), "MAKEFLAGS": f"VENV={sys.prefix} RUNTIME={installed}"}
    shutil.rmtree(home)


@contextmanager
def served(block: str, environ: dict[str, str], log: Path) -> Iterator[None]:
    """The block in one terminal, until Ctrl-C."""
    with log.open("w") as stdout:
        terminal = subprocess.Popen(
            ["sh", "-ec", block],
            cwd=ROOT,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    try:
        assert terminal.stderr is not None
        line = terminal.stderr.readline()
        assert line.startswith("Fabro server listening on "), line
        yield
    finally:
        os.killpg(terminal.pid, signal.SIGINT)
        terminal.communicate(timeout=30)


@needs_curl_and_make
@pytest.mark.parametrize("terminals", [(0, 1), (2, 3)], ids=["unix socket", "tcp"])
def test_the_quick_start_lists_three_runs(terminals: tuple[int, int], environ: dict[str, str], tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    serve, use = (blocks("README.md", "sh")[number].replace(ADDRESS, address) for number in terminals)
    place = tmp_path / "place"
    place.mkdir()
    (place / "examples").symlink_to(ROOT / "examples")
    (place / ".venv").symlink_to(sys.prefix)

    with served(serve, environ, tmp_path / "log"):
        done = subprocess.run(
            ["sh", "-ec", use], cwd=place, env=environ, capture_output=True, text=True, timeout=60, check=False
        )

    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split(" ", 1) for line in done.stdout.splitlines()]
    assert len(lines) == len({run_id for run_id, _ in lines}) == 3
    assert {title for _, title in lines} == TITLES


def test_no_shell_block_of_the_readme_is_left_out() -> None:
    assert len(blocks("README.md", "sh")) == 4


# -- commands -----------------------------------------------------------------------------------------------------


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], click.Command]:
    """Every command that does something, by its words."""
    if not isinstance(command, click.Group):
        return {path: command}
    return {
        words: leaf for name, child in command.commands.items() for words, leaf in leaves(child, (*path, name)).items()
    }


def test_the_table_of_commands_names_every_command_and_only_options_they_have() -> None:
    commands = leaves(cli)
    rows = [code(cells[0])[0].split() for cells in table("README.md", "Command")]
    named = {tuple(word for word in row[1:] if _WORD.fullmatch(word)): row for row in rows}

    assert named.keys() == commands.keys()
    for words, row in named.items():
        options = {word.strip("[]") for word in row if word.startswith("[--")}
        assert options <= {option for parameter in commands[words].params for option in parameter.opts}
