"""The Redis store as a plugin: what its hooks and settings make of a settings file and the environment."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

import fabro_store_redis
from fabro_core.boot.assembly import assemble
from fabro_core.boot.reading import SettingsReader
from fabro_core.context import PluginContext, ServerInfo
from fabro_core.errors import StartupError
from fabro_core.hooks import PLUGIN_API
from fabro_core.testing import ManualClock
from fabro_store_redis import RedisRunStore, RedisSettings
from fabro_store_redis.settings import Address, parse_address

SECRETS = {"SESSION_SECRET": "s" * 32, "FABRO_DEV_TOKEN": "fabro_dev_" + "0" * 64}


def faults(tmp_path: Path, **settings: object) -> list[str]:
    """The lines of the report of a start that must fail."""
    document = {"server": {"auth": {"methods": ["dev-token"]}, "store": {"kind": "redis", "redis": settings}}}
    with pytest.raises(StartupError) as failed:
        assemble(SettingsReader(environ={"FABRO_HOME": str(tmp_path), **SECRETS}).read(document))
    return [problem.line() for problem in failed.value.problems]


def test_the_plugin_states_the_interface_it_was_written_for() -> None:
    assert fabro_store_redis.FABRO_PLUGIN_API == PLUGIN_API


def test_building_the_store_connects_to_nothing(tmp_path: Path) -> None:
    context = PluginContext(
        name="redis",
        settings=RedisSettings(url="redis://nowhere.invalid"),
        server=ServerInfo(version="1.0.0", public_url="http://127.0.0.1:1", web_enabled=True, plugin_api=PLUGIN_API),
        logger=logging.getLogger("fabro.plugins.redis"),
        clock=ManualClock(),
        storage_root=str(tmp_path),
    )
    store = fabro_store_redis.fabro_run_store(context)
    assert isinstance(store, RedisRunStore)
    assert store.info().name == "redis"


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://db.example", Address(host="db.example")),
        ("redis://db.example:7000/3", Address(host="db.example", port=7000, database=3)),
        ("rediss://fabro@[::1]:6380", Address(host="::1", port=6380, tls=True, username="fabro")),
        ("redis://a%40b@db.example", Address(host="db.example", username="a@b")),
        (
            "redis+sentinel://a%40b@one.example/main",
            Address(sentinels=(("one.example", 26379),), service="main", username="a@b"),
        ),
        ("unix:///run/valkey/s", Address(socket="/run/valkey/s")),
        ("unix://fabro@/run/valkey/s", Address(socket="/run/valkey/s", username="fabro")),
        (
            "rediss+sentinel://fabro@one.example,two.example:7000/main/3",
            Address(
                tls=True,
                username="fabro",
                database=3,
                sentinels=(("one.example", 26379), ("two.example", 7000)),
                service="main",
            ),
        ),
        ("redis+sentinel://[::1]:1/main", Address(sentinels=(("::1", 1),), service="main")),
    ],
)
def test_a_url_names_an_address(url: str, address: Address) -> None:
    assert parse_address(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "",
        "db.example:6379",
        "http://db.example",
        "redis://",
        "redis://h:x",
        "redis://h/a",
        "redis://h?x=1",
        "unix://s",
        "redis+sentinel://h",
        "redis+sentinel://h:x/main",
        "redis+sentinel://,/main",
        "http+sentinel://h/main",
    ],
)
def test_another_url_is_a_problem(tmp_path: Path, url: str) -> None:
    (line,) = faults(tmp_path, url=url)
    assert line.startswith("server.store.redis.url: expected ")


@pytest.mark.parametrize("url", ["redis://fabro:hunter2@db.example", "redis+sentinel://fabro:hunter2@db.example/main"])
def test_a_password_in_the_url_is_refused_unseen_with_the_name_of_the_variable(tmp_path: Path, url: str) -> None:
    (line,) = faults(tmp_path, url=url)
    assert "FABRO_REDIS_PASSWORD" in line
    assert "hunter2" not in line


def test_a_password_in_the_file_is_refused_with_the_name_of_the_variable(tmp_path: Path) -> None:
    (line,) = faults(tmp_path, password="hunter2")
    assert line.startswith("server.store.redis.password: ")
    assert "FABRO_REDIS_PASSWORD" in line
    assert "hunter2" not in line


@pytest.mark.parametrize("wrong", [{"prefix": "a{b}"}, {"prefix": ""}, {"max_connections": 0}, {"timeout_seconds": 0}])
def test_wrong_settings_are_problems(tmp_path: Path, wrong: dict[str, object]) -> None:
    (line,) = faults(tmp_path, **wrong)
    assert line.startswith(f"server.store.redis.{next(iter(wrong))}: ")
