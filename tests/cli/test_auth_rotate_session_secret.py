"""`fabro auth rotate-session-secret` (auth.md A28)."""

from __future__ import annotations

import re

import pytest

from fabro_core.config.env_file import read_env_file
from tests.cli.terminal import Home

ROTATE = ("auth", "rotate-session-secret")
NEWEST, PREVIOUS = "SESSION_SECRET", "SESSION_SECRET_PREVIOUS"


def secrets_of(home: Home) -> dict[str, str]:
    return dict(read_env_file(home.path / "server.env").values)


def test_the_old_secret_is_kept_beside_the_new_one_and_every_other_line_too(ready: Home) -> None:
    env_path = ready.path / "server.env"
    before = secrets_of(ready)
    env_path.write_text("# mine\n" + env_path.read_text())

    done = ready.run(*ROTATE)

    assert (done.returncode, done.stdout) == (0, f"The new secret is SESSION_SECRET in {env_path}\n")
    after = secrets_of(ready)
    assert after[PREVIOUS] == before[NEWEST] != after[NEWEST]
    assert re.fullmatch("[0-9a-f]{64}", after[NEWEST])
    assert after["FABRO_DEV_TOKEN"] == before["FABRO_DEV_TOKEN"]
    assert env_path.read_text().startswith("# mine\n")
    assert env_path.stat().st_mode & 0o777 == 0o600
    assert not [text for text in after.values() if text in done.stdout + done.stderr]
    assert "restart" in done.stderr
    assert ready.run("check").returncode == 0


def test_a_running_server_takes_it_with_a_restart_and_says_that_the_old_one_can_go(ready: Home) -> None:
    assert ready.run("server", "start", "--bind", "127.0.0.1:0").returncode == 0
    ready.run(*ROTATE)
    restarted = ready.run("server", "restart", "--bind", "127.0.0.1:0")
    assert restarted.returncode == 0
    assert "SESSION_SECRET_PREVIOUS seals nothing any more, 0 documents were sealed anew" in restarted.stderr
    assert ready.run("server", "stop").returncode == 0


@pytest.mark.parametrize("variable", [NEWEST, PREVIOUS])
def test_a_secret_in_the_environment_would_win_so_nothing_is_changed(ready: Home, variable: str) -> None:
    before = secrets_of(ready)
    done = ready.run(*ROTATE, **{variable: "e" * 64})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{variable} is set in the environment, which wins over server.env; change it there\n"
    assert secrets_of(ready) == before


def test_a_second_one_waits_until_the_first_has_had_its_effect(ready: Home) -> None:
    ready.run(*ROTATE)
    before = secrets_of(ready)
    done = ready.run(*ROTATE)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("SESSION_SECRET_PREVIOUS is still in server.env")
    assert secrets_of(ready) == before

    env_path = ready.path / "server.env"
    kept = [line for line in env_path.read_text().splitlines() if not line.startswith(PREVIOUS)]
    env_path.write_text("\n".join(kept) + "\n")
    assert ready.run(*ROTATE).returncode == 0
    assert secrets_of(ready)[PREVIOUS] == before[NEWEST]


def test_a_secret_of_any_characters_is_kept_as_it_is(ready: Home) -> None:
    odd = "\"it's\tmine\n#{}$\\ " + "ü" * 32
    env_path = ready.path / "server.env"
    env_path.write_text('SESSION_SECRET="\\"it\'s\\tmine\\n#{}$\\\\ ' + "ü" * 32 + '"\n')
    assert secrets_of(ready) == {NEWEST: odd}
    assert ready.run(*ROTATE).returncode == 0
    assert secrets_of(ready)[PREVIOUS] == odd


@pytest.mark.parametrize(("line", "is_replaced"), [("", False), ("SESSION_SECRET=", False), ("SESSION_SECRET=x", True)])
def test_what_no_server_could_start_with_is_not_kept(ready: Home, line: str, is_replaced: bool) -> None:
    (ready.path / "server.env").write_text(f"{line}\n")
    done = ready.run(*ROTATE)
    assert done.returncode == (0 if is_replaced else 1)
    assert ("there is no SESSION_SECRET to replace" in done.stderr) is not is_replaced
    assert PREVIOUS not in secrets_of(ready)
