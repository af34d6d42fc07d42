"""`fabro auth rotate-dev-token` (auth.md A9, A28)."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from http.client import HTTPConnection

from tests.cli.terminal import FABRO, Home, wait_until

ROTATE = ("auth", "rotate-dev-token")
TOKEN = re.compile(r"fabro_dev_[0-9a-f]{64}")


def token_of(home: Home) -> str:
    (token,) = TOKEN.findall((home.path / "server.env").read_text())
    assert isinstance(token, str)
    return token


def answer_to(bind: dict[str, str], token: str) -> int:
    connection = HTTPConnection(bind["tcp"], timeout=60)
    connection.request("GET", "/api/v1/user", headers={"Authorization": f"Bearer {token}"})
    status = connection.getresponse().status
    connection.close()
    return status


def test_the_token_is_replaced_and_every_other_line_kept(ready: Home) -> None:
    env_path = ready.path / "server.env"
    (secret,) = (line for line in env_path.read_text().splitlines() if line.startswith("SESSION_SECRET="))
    before = token_of(ready)
    env_path.write_text(f"# mine\n{secret}\nexport FABRO_DEV_TOKEN='{before}'\nACME_KEY=\"a b\"\n")

    done = ready.run(*ROTATE)

    assert (done.returncode, done.stdout) == (0, f"The new token is FABRO_DEV_TOKEN in {env_path}\n")
    assert "restart" in done.stderr
    after = token_of(ready)
    assert after != before
    assert env_path.read_text() == f'# mine\n{secret}\nACME_KEY="a b"\nFABRO_DEV_TOKEN={after}\n'
    assert env_path.stat().st_mode & 0o777 == 0o600
    assert ready.run("check").returncode == 0


def test_a_malformed_token_can_be_replaced(ready: Home) -> None:
    env_path = ready.path / "server.env"
    env_path.write_text(TOKEN.sub("mine", env_path.read_text()))
    assert ready.run("check").returncode == 78

    assert ready.run(*ROTATE).returncode == 0

    assert ready.run("check").returncode == 0


def test_a_running_server_takes_the_new_token_with_a_restart(ready: Home) -> None:
    assert ready.run("server", "start", "--bind", "127.0.0.1:0").returncode == 0
    old = token_of(ready)
    ready.run(*ROTATE)
    bind = ready.record["bind"]
    assert (answer_to(bind, old), answer_to(bind, token_of(ready))) == (200, 401)

    assert ready.run("server", "restart", "--bind", "127.0.0.1:0").returncode == 0

    bind = ready.record["bind"]
    assert (answer_to(bind, old), answer_to(bind, token_of(ready))) == (401, 200)
    assert ready.run("server", "stop").returncode == 0
    wait_until(lambda: not (ready.path / "storage" / "server.json").exists())


def test_a_token_in_the_environment_would_win_so_nothing_is_changed(ready: Home) -> None:
    before = (ready.path / "server.env").read_bytes()

    done = ready.run(*ROTATE, FABRO_DEV_TOKEN=f"fabro_dev_{'0' * 64}")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "FABRO_DEV_TOKEN is set in the environment, which wins over server.env; change it there\n"
    assert (ready.path / "server.env").read_bytes() == before


def test_without_the_method_there_is_no_token_to_replace(ready: Home) -> None:
    before = (ready.path / "server.env").read_bytes()
    (ready.path / "settings.toml").write_text('[server.auth]\nmethods = ["github"]\n')

    done = ready.run(*ROTATE)

    assert (done.returncode, done.stdout, done.stderr) == (1, "", "the auth method dev-token is not enabled\n")
    assert (ready.path / "server.env").read_bytes() == before


def test_a_new_token_is_shown_to_a_terminal_only(ready: Home) -> None:
    piped = ready.run(*ROTATE)
    terminal, end = pty.openpty()
    subprocess.run([*FABRO, *ROTATE], env=ready.environ, stdout=end, stderr=end, timeout=60, check=True)
    os.close(end)
    shown = os.read(terminal, 65536).decode()
    os.close(terminal)

    assert not TOKEN.search(piped.stdout + piped.stderr)
    assert f"FABRO_DEV_TOKEN={token_of(ready)}" in shown
