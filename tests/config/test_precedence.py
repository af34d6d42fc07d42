"""Flag over environment over file over default (server.md S14)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fabro_core.config.load import Overrides
from fabro_core.config.model import TcpListen, UnixListen
from fabro_core.config.secrets import home_directory

FILE = """
[server.auth]
methods = ["dev-token"]
[server.listen]
type = "tcp"
address = "127.0.0.1:1"
[server.web]
enabled = true
url = "https://file.example/"
[server.logging]
level = "error"
[server.storage]
root = "/from-file"
"""


def test_the_file_beats_the_defaults(server_of: Any) -> None:
    server = server_of(FILE)

    assert server.listen == TcpListen(address="127.0.0.1:1")
    assert (server.web.url, server.logging.level) == ("https://file.example", "error")
    assert server.storage.root == Path("/from-file")


def test_the_environment_beats_the_file(server_of: Any) -> None:
    server = server_of(
        FILE, FABRO_WEB_URL="http://env.example/fabro/", FABRO_LOG="Debug", FABRO_STORAGE_DIR="/from-env"
    )

    assert (server.web.url, server.logging.level) == ("http://env.example/fabro", "debug")
    assert server.storage.root == Path("/from-env")


def test_a_blank_variable_counts_as_unset(server_of: Any) -> None:
    assert server_of(FILE, FABRO_WEB_URL="  ", FABRO_LOG="").web.url == "https://file.example"


@pytest.mark.parametrize("listen", [UnixListen(path=Path("/tmp/x.sock")), TcpListen(address="[::1]:9")])
def test_flags_beat_the_file(server_of: Any, listen: UnixListen | TcpListen) -> None:
    server = server_of(FILE, Overrides(listen=listen, web_enabled=False))

    assert server.listen == listen
    assert server.web.enabled is False


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("FABRO_LOG", "loud", 'FABRO_LOG: expected "debug", "info", "warning" or "error", found a string'),
        ("FABRO_WEB_URL", "example.com", "FABRO_WEB_URL: expected an absolute http(s) URL with a host"),
    ],
)
def test_a_bad_variable_is_reported_under_its_own_name(
    read_settings: Any, variable: str, value: str, expected: str
) -> None:
    (line,) = read_settings(FILE, **{variable: value}).lines

    assert line.startswith(expected)


def test_the_home_follows_the_user_when_nothing_names_it(tmp_path: Path) -> None:
    assert home_directory({"HOME": str(tmp_path)}) == tmp_path / ".fabro"
    assert home_directory({"HOME": str(tmp_path), "FABRO_HOME": "/elsewhere"}) == Path("/elsewhere")
