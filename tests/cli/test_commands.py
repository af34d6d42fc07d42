"""Commands that serve nothing: version, check, plugins, and the exit codes of server.md S18."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fabro_core import __version__
from tests.cli.terminal import Home


def test_the_version_needs_no_framework(home: Home) -> None:
    code = """
import sys
from fabro_core.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code
print(sorted({"litestar", "sqlalchemy", "uvicorn", "msgspec", "pluggy", "asyncio"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, "--version"], capture_output=True, text=True, env=home.environ, check=True
    )

    assert done.stdout == f"fabro {__version__}\n[]\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("server", "start", "--bind", "localhost:80"),
        ("server", "start", "--bind", "127.0.0.1:99999"),
        ("server", "start", "--web", "--no-web"),
    ],
)
def test_wrong_usage_is_exit_2_and_touches_nothing(home: Home, arguments: tuple[str, ...]) -> None:
    done = home.run(*arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert not home.path.exists()


def test_without_settings_check_points_to_init(home: Home) -> None:
    done = home.run("check")

    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr == (
        f'fabro: cannot start, 1 problem\n  {home.path}/settings.toml: no such file; run "fabro init"\n'
    )


def test_three_faults_are_three_lines_and_exit_78(ready: Home) -> None:
    (ready.path / "settings.toml").write_text(
        '[server.auth]\nmethods = ["dev-token"]\nmethod = 1\n[server.store]\nkind = "memory"\n'
        "[server.limits]\nmax_body_bytes = '1 MB'\n"
    )
    (ready.path / "server.env").write_text(f"FABRO_DEV_TOKEN=fabro_dev_{'0' * 64}\n")
    (ready.path / "server.env").chmod(0o600)

    for command in (("check",), ("server", "start"), ("server", "restart")):
        done = ready.run(*command)
        assert (done.returncode, done.stdout) == (78, "")
        assert done.stderr == (
            "fabro: cannot start, 3 problems\n"
            '  server.auth.method: unknown key, did you mean "methods"?\n'
            "  server.limits.max_body_bytes: expected an integer of at least 1024, found a string\n"
            '  SESSION_SECRET: required while server.web.enabled is true; run "fabro init" or set the variable\n'
        )
    assert not (ready.path / "storage").exists()


def test_a_store_whose_path_cannot_be_written_is_a_configuration_problem(ready: Home) -> None:
    (ready.path / "plain").touch()
    (ready.path / "settings.toml").write_text(
        '[server.auth]\nmethods = ["dev-token"]\n[server.store.sqlite]\npath = "../plain/fabro.db"\n'
    )

    done = ready.run("server", "start")

    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.startswith("fabro: cannot start, 1 problem\n  server.store.sqlite: ")
    assert not (ready.path / "storage" / "logs").exists()


def test_plugins_are_listed_with_broken_settings_and_broken_plugins(home: Home, tmp_path: Path) -> None:
    info = tmp_path / "acme_broken-2.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-broken\nVersion: 2.5\n")
    (info / "entry_points.txt").write_text("[fabro.auth]\nacme = acme_broken\n")
    (tmp_path / "acme_broken.py").write_text("raise SystemExit(3)\n")
    home.path.mkdir()
    (home.path / "settings.toml").write_text('[server.auth]\nmethods = ["acme"]\n[nonsense]\n')

    listed = home.run("plugins", "--json", PYTHONPATH=str(tmp_path))
    loaded = home.run("plugins", "--json", "--loaded", PYTHONPATH=str(tmp_path))

    row = {"group": "fabro.auth", "name": "acme", "distribution": "acme-broken", "version": "2.5", "selected": True}
    assert (listed.returncode, listed.stderr) == (0, "")
    assert row in json.loads(listed.stdout)
    assert {
        **row,
        "api": None,
        "hooks": [],
        "problem": "the entry point acme_broken cannot be imported: SystemExit: 3",
    } in json.loads(loaded.stdout)


def test_plugins_can_be_read_by_people(ready: Home) -> None:
    done = ready.run("plugins")

    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["*", "fabro.auth", "dev-token", "fabro-auth-devtoken", __version__] in lines


def test_a_stopped_server_has_its_exit_codes(ready: Home) -> None:
    stop, status, as_json, logs = (
        ready.run("server", *command) for command in (["stop"], ["status"], ["status", "--json"], ["logs"])
    )

    assert (stop.returncode, stop.stderr) == (1, "Server is not running\n")
    assert (status.returncode, status.stdout, status.stderr) == (1, "", "Server is not running\n")
    assert (as_json.returncode, json.loads(as_json.stdout)) == (1, {"status": "stopped"})
    assert logs.returncode == 1
    assert "a foreground server logs to its own stdout" in logs.stderr
