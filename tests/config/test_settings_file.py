"""What the settings file may say, and what an operator reads when it says something else (server.md S14, S15)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fabro_core.config.unsupported import REFUSED

AUTH = '[server.auth]\nmethods = ["dev-token"]\n'


@pytest.mark.parametrize(
    ("toml", "line"),
    [
        ("", "server.auth.methods: required, expected a non-empty array of names without repetition"),
        (
            "[server.auth]\nmethods = []",
            "server.auth.methods: expected a non-empty array of names without repetition, found an empty array",
        ),
        (
            '[server.auth]\nmethods = ["a", "b", "a"]',
            'server.auth.methods: expected a non-empty array of names without repetition, found "a" twice',
        ),
        (
            '[server.auth]\nmethods = "dev-token"',
            "server.auth.methods: expected a non-empty array of names without repetition, found a string",
        ),
        (
            '[server.auth]\nmethods = ["dev-token", 3]',
            "server.auth.methods[1]: expected a name such as dev-token, found 3",
        ),
        (f"{AUTH}methdos = 1", 'server.auth.methdos: unknown key, did you mean "methods"?'),
        (
            f"{AUTH}[server.web]\nport = 1",
            "server.web.port: unknown key, valid keys are enabled, hsts_seconds, hsts_subdomains, url",
        ),
        (f"{AUTH}[servr]", 'servr: unknown key, did you mean "server"?'),
        (f'{AUTH}["odd key"]', '"odd key": unknown key, valid keys are _version, server'),
        ("server = 3", "server: expected a table, found 3"),
        (
            f'{AUTH}[server.limits]\nmax_body_bytes = "many"',
            "server.limits.max_body_bytes: expected an integer of at least 1024, found a string",
        ),
        (
            f"{AUTH}[server.limits]\nmax_body_bytes = 1073741825",
            "server.limits.max_body_bytes: expected an integer of at most 1073741824, found 1073741825",
        ),
        (
            f"{AUTH}[server.limits]\nsse_max_seconds = true",
            "server.limits.sse_max_seconds: expected an integer of at least 0, found true",
        ),
        (f"{AUTH}[server.web]\nenabled = 1", "server.web.enabled: expected true or false, found 1"),
        (
            f'{AUTH}[server.listen]\npath = "x.sock"',
            'server.listen.type: required, expected "unix" or "tcp"',
        ),
        (
            f'{AUTH}[server.listen]\ntype = "udp"',
            'server.listen.type: expected "unix" or "tcp", found a string',
        ),
        (
            f'{AUTH}[server.listen]\ntype = "tcp"',
            'server.listen.address: required, expected "IP:port" or "[IPv6]:port"',
        ),
        (
            f'{AUTH}[server.listen]\ntype = "tcp"\naddress = "localhost:80"',
            'server.listen.address: expected "IP:port" or "[IPv6]:port", found another string',
        ),
        (
            f'{AUTH}[server.listen]\ntype = "tcp"\naddress = "127.0.0.1:65536"',
            'server.listen.address: expected "IP:port" or "[IPv6]:port", found another string',
        ),
        (
            f'{AUTH}[server.listen]\ntype = "unix"\npath = "/{"x" * 107}"',
            "server.listen.path: expected a path of at most 107 bytes, found 108 bytes",
        ),
        (
            f'{AUTH}[server.logging]\nformat = "xml"',
            'server.logging.format: expected "json" or "text", found a string',
        ),
        (
            "_version = 2\n" + AUTH,
            "_version: expected 1, found 2: the file was written for a newer release, upgrade fabro-core",
        ),
        ("version = 1\n" + AUTH, "version: unknown key, write _version"),
        (
            f'{AUTH}[server.storage]\nroot = "{{{{ env.ROOT }}}}"',
            "server.storage.root: templates are not supported; use an environment variable",
        ),
    ],
)
def test_one_fault_is_one_line_that_names_path_and_way_out(read_settings: Any, toml: str, line: str) -> None:
    assert read_settings(toml).lines == [line]


@pytest.mark.parametrize("path", sorted(REFUSED))
def test_an_unsupported_key_is_refused_with_its_own_text(read_settings: Any, path: str) -> None:
    table, _, key = path.rpartition(".")
    listen = 'type = "unix"\n' if table == "server.listen" else ""
    methods = 'methods = ["dev-token"]\n' if table == "server.auth" else ""
    header = f"[{table}]\n" if table else ""
    rest = "" if methods else AUTH
    toml = f"{header}{listen}{methods}{key} = 'x'\n{rest}"

    assert read_settings(toml).lines == [f"{path}: {REFUSED[path]}"]


def test_all_faults_arrive_together(read_settings: Any) -> None:
    toml = '[server.auth]\nmethods = [1, 2]\nx = 1\n[server.web]\nenabled = "yes"\n[cli]\n'

    paths = [line.partition(":")[0] for line in read_settings(toml).lines]

    assert sorted(paths) == [
        "cli",
        "server.auth.methods[0]",
        "server.auth.methods[1]",
        "server.auth.x",
        "server.web.enabled",
    ]


@pytest.mark.parametrize(
    "key", ["server.web.url", "server.api.url", "server.logging.level", "server.auth.session_secret"]
)
def test_a_value_that_may_be_a_secret_is_never_repeated(read_settings: Any, key: str) -> None:
    table, _, name = key.rpartition(".")
    methods = 'methods = ["dev-token"]\n' if table == "server.auth" else ""
    toml = f'[{table}]\n{methods}{name} = "http://user:hunter2@[host:99999/"\n' + ("" if methods else AUTH)

    lines = read_settings(toml).lines

    assert [line.partition(":")[0] for line in lines] == [key]
    assert "hunter2" not in lines[0]


def test_bad_toml_is_one_problem_with_line_and_column(read_settings: Any, tmp_path: Path) -> None:
    (line,) = read_settings("_version = 1\nx = = 2\n[server]\nfoo = 1\n").lines

    assert line.startswith(f"{tmp_path}/home/settings.toml: not valid TOML: ")
    assert line.endswith("(at line 2, column 5)")


def test_text_that_is_not_utf8_is_located(read_settings: Any, tmp_path: Path) -> None:
    config = tmp_path / "latin.toml"
    config.write_bytes(b'a = 1\nb = "\xe9"\n')

    (line,) = read_settings("", FABRO_CONFIG=str(config)).lines

    assert line == f"{config}: not valid TOML: not UTF-8 (at line 2, column 6)"


def test_a_named_file_that_is_missing_is_a_problem_and_not_created(read_settings: Any, tmp_path: Path) -> None:
    missing = tmp_path / "nowhere.toml"

    assert read_settings(AUTH, FABRO_CONFIG=str(missing)).lines == [f"{missing}: no such file; named by FABRO_CONFIG"]
    assert not missing.exists()


def test_relative_paths_are_relative_to_the_settings_file(server_of: Any, tmp_path: Path) -> None:
    server = server_of(f'{AUTH}[server.storage]\nroot = "data/../runs"\n[server.listen]\ntype = "unix"\npath = "s"')

    assert server.storage.root == tmp_path / "home" / "data/../runs"
    assert server.listen.path == tmp_path / "home" / "s"


def test_a_tilde_is_not_expanded(server_of: Any, tmp_path: Path) -> None:
    assert server_of(f'{AUTH}[server.storage]\nroot = "~/x"').storage.root == tmp_path / "home" / "~/x"


def test_defaults_are_in_the_home(server_of: Any, tmp_path: Path) -> None:
    server = server_of(AUTH)

    assert server.listen.path == tmp_path / "home" / "fabro.sock"
    assert server.storage.root == tmp_path / "home" / "storage"
    assert server.store.kind == "sqlite"
    assert server.web.enabled is True


def test_a_unix_listener_without_a_path_uses_the_default_one(server_of: Any, tmp_path: Path) -> None:
    assert server_of(f'{AUTH}[server.listen]\ntype = "unix"').listen.path == tmp_path / "home" / "fabro.sock"


def test_a_mark_of_the_byte_order_is_passed_over(server_of: Any) -> None:
    assert server_of('\ufeff[server.auth]\nmethods = ["dev-token"]\n').auth.methods == ("dev-token",)


def test_the_log_level_may_be_in_upper_case(server_of: Any) -> None:
    assert server_of(f'{AUTH}[server.logging]\nlevel = "WARNING"').logging.level == "warning"
