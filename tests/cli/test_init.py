"""`fabro init` (server.md S19)."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from pathlib import Path

from tests.cli.terminal import FABRO, Home

FABRO_TOKEN = re.compile(r"fabro_dev_[0-9a-f]{64}")


def contents(directory: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()}


def test_init_makes_a_home_that_passes_the_check(home: Home) -> None:
    done = home.run("init")

    assert (done.returncode, done.stderr) == (0, "")
    env_path = home.path / "server.env"
    assert done.stdout.splitlines() == [
        f"created {home.path}",
        f"created {home.path}/settings.toml",
        f"created {env_path}: FABRO_DEV_TOKEN",
        f"created {env_path}: SESSION_SECRET",
        f"The token is FABRO_DEV_TOKEN in {env_path}",
    ]
    modes = [path.stat().st_mode & 0o777 for path in (home.path, home.path / "settings.toml", env_path)]
    assert modes == [0o700, 0o600, 0o600]
    assert re.fullmatch(r"SESSION_SECRET=[0-9a-f]{64}\nFABRO_DEV_TOKEN=fabro_dev_[0-9a-f]{64}\n", env_path.read_text())
    check = home.run("check")
    assert (check.returncode, check.stdout) == (0, "ok\n")
    assert [line.split(":")[0] for line in check.stderr.splitlines()] == ["store sqlite"], "no warning"


def test_init_again_changes_no_byte(home: Home) -> None:
    home.run("init")
    before = contents(home.path)

    done = home.run("init")

    assert contents(home.path) == before
    assert [line.partition(" ")[0] for line in done.stdout.splitlines()[:-1]] == ["kept"] * 4


def test_a_value_in_the_environment_is_not_written(home: Home) -> None:
    done = home.run("init", SESSION_SECRET="e" * 32)

    assert "kept the environment: SESSION_SECRET" in done.stdout
    assert "SESSION_SECRET" not in (home.path / "server.env").read_text()


def test_with_a_problem_nothing_is_written(home: Home) -> None:
    done = home.run("init", SESSION_SECRET="short")

    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr == (
        "fabro: cannot start, 1 problem\n"
        "  SESSION_SECRET: expected at least 32 bytes, found another value in the environment\n"
    )
    assert not home.path.exists()


def test_a_malformed_token_is_kept_and_reported(home: Home) -> None:
    home.path.mkdir(mode=0o700)
    (home.path / "server.env").write_text("FABRO_DEV_TOKEN=mine\n")

    done = home.run("init")

    assert done.returncode == 78
    assert "FABRO_DEV_TOKEN: expected" in done.stderr
    assert contents(home.path) == {str(home.path / "server.env"): b"FABRO_DEV_TOKEN=mine\n"}


def test_two_at_once_agree(home: Home) -> None:
    command = ["env", f"FABRO_HOME={home.path}", *FABRO, "init"]

    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, env=home.environ) for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0] for process in processes]

    assert [process.returncode for process in processes] == [0, 0]
    made = sorted(output.count(b"created") for output in outputs)
    assert sum(made) == 4
    assert len((home.path / "server.env").read_text().splitlines()) == 2


def test_the_token_is_shown_to_a_terminal_only(home: Home) -> None:
    piped = home.run("init")
    terminal, end = pty.openpty()
    subprocess.run([*FABRO, "init"], env=home.environ, stdout=end, stderr=end, timeout=60, check=True)
    os.close(end)
    shown = os.read(terminal, 65536).decode()
    os.close(terminal)

    assert not FABRO_TOKEN.search(piped.stdout + piped.stderr)
    assert FABRO_TOKEN.search(shown)
