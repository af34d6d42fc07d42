"""`fabro auth` and the server of the same home: nobody has to say where it is (auth.md A28)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.terminal import FABRO, Home


def dev_token(home: Home) -> str:
    lines = (home.path / "server.env").read_text().splitlines()
    (token,) = (line.removeprefix("FABRO_DEV_TOKEN=") for line in lines if line.startswith("FABRO_DEV_TOKEN="))
    return token


def log_in_from_stdin(home: Home, token: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*FABRO, "auth", "login", "--dev-token", "-"],
        env=home.environ,
        input=token,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("kind", ["socket", "port"])
def test_the_server_of_this_home_is_logged_in_to_and_out_of(ready: Home, kind: str) -> None:
    bind = str(ready.path / "fabro.sock") if kind == "socket" else "0.0.0.0:0"
    ready.start_foreground("--bind", bind)
    name = f"unix://{bind}" if kind == "socket" else ready.record["bind"]["tcp"].replace("0.0.0.0", "http://127.0.0.1")

    login = log_in_from_stdin(ready, f"{dev_token(ready)}\n")
    status = ready.run("auth", "status")
    logout = ready.run("auth", "logout")

    assert (login.returncode, login.stderr) == (0, f"Logged in to {name} as dev\n")
    assert (status.returncode, status.stdout) == (0, f"{name} dev active\n")
    assert (logout.returncode, logout.stderr) == (0, f"Logged out of {name}\n")
    assert ready.run("auth", "status").stdout == ""


def test_a_socket_has_no_login_with_the_browser(ready: Home) -> None:
    ready.start_foreground("--bind", str(ready.path / "fabro.sock"))
    done = ready.run("auth", "login")
    assert done.returncode == 2
    assert "a server on a Unix socket takes only --dev-token" in done.stderr


def test_a_socket_that_nobody_serves_is_named(home: Home) -> None:
    path = home.path.parent / "nothing.sock"
    done = home.run("auth", "login", "--server", str(path), "--dev-token", f"fabro_dev_{'0' * 64}")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"cannot reach unix://{path}: ")


def test_logins_are_kept_where_the_variable_says(ready: Home, tmp_path: Path) -> None:
    ready.start_foreground("--bind", str(ready.path / "fabro.sock"))
    ready.environ |= {"FABRO_AUTH_FILE": str(tmp_path / "kept" / "here.json")}
    assert log_in_from_stdin(ready, dev_token(ready)).returncode == 0
    assert dev_token(ready) in (tmp_path / "kept" / "here.json").read_text()
    assert not (ready.path / "auth.json").exists()
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o700
