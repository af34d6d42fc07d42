"""The PostgreSQL store as a plugin: what its hooks and settings make of a settings file and the environment."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

import fabro_store_postgres
from fabro_core.boot.assembly import assemble
from fabro_core.boot.reading import SettingsReader
from fabro_core.context import PluginContext, ServerInfo
from fabro_core.errors import StartupError
from fabro_core.hooks import PLUGIN_API
from fabro_core.testing import ManualClock
from fabro_store_postgres import PostgresRunStore, PostgresSettings
from fabro_store_postgres.settings import Address, parse_address

SECRETS = {"SESSION_SECRET": "s" * 32, "FABRO_DEV_TOKEN": "fabro_dev_" + "0" * 64}


def faults(tmp_path: Path, **settings: object) -> list[str]:
    """The lines of the report of a start that must fail."""
    document = {"server": {"auth": {"methods": ["dev-token"]}, "store": {"kind": "postgres", "postgres": settings}}}
    with pytest.raises(StartupError) as failed:
        assemble(SettingsReader(environ={"FABRO_HOME": str(tmp_path), **SECRETS}).read(document))
    return [problem.line() for problem in failed.value.problems]


def test_the_plugin_states_the_interface_it_was_written_for() -> None:
    assert fabro_store_postgres.FABRO_PLUGIN_API == PLUGIN_API


def test_building_the_store_connects_to_nothing(tmp_path: Path) -> None:
    context = PluginContext(
        name="postgres",
        settings=PostgresSettings(url="postgresql://fabro@nowhere.invalid/fabro"),
        server=ServerInfo(version="1.0.0", public_url="http://127.0.0.1:1", web_enabled=True, plugin_api=PLUGIN_API),
        logger=logging.getLogger("fabro.plugins.postgres"),
        clock=ManualClock(),
        storage_root=str(tmp_path),
    )
    store = fabro_store_postgres.fabro_run_store(context)
    assert isinstance(store, PostgresRunStore)
    assert store.info().name == "postgres"


@pytest.mark.parametrize(
    ("url", "hosts", "username", "database"),
    [
        ("postgresql://fabro@db.example/runs", (("db.example", 5432),), "fabro", "runs"),
        ("postgres://a%40b@db.example:7000/x%2Fy", (("db.example", 7000),), "a@b", "x/y"),
        ("postgresql://fabro@[::1]:6000/runs", (("::1", 6000),), "fabro", "runs"),
        (
            "postgresql://fabro@one.example,two.example:7000/runs",
            (("one.example", 5432), ("two.example", 7000)),
            "fabro",
            "runs",
        ),
        ("postgresql://fabro@/runs?host=/run/postgresql", (("/run/postgresql", 5432),), "fabro", "runs"),
        ("postgresql://fabro@/runs?host=%2Frun%2Fpg&port=7", (("/run/pg", 7),), "fabro", "runs"),
    ],
)
def test_a_url_names_an_address(url: str, hosts: tuple[tuple[str, int], ...], username: str, database: str) -> None:
    assert parse_address(url) == Address(hosts=hosts, username=username, database=database)


@pytest.mark.parametrize(
    ("url", "is_local"),
    [
        ("postgresql://fabro@127.0.0.1/runs", True),
        ("postgresql://fabro@localhost:7/runs", True),
        ("postgresql://fabro@[::1]/runs", True),
        ("postgresql://fabro@/runs?host=/run/postgresql", True),
        ("postgresql://fabro@localhost,db.example/runs", False),
        ("postgresql://fabro@127.0.0.1.example/runs", False),
        ("postgresql://fabro@10.0.0.1/runs", False),
    ],
)
def test_tls_is_left_out_only_where_nothing_leaves_the_machine(url: str, is_local: bool) -> None:
    assert parse_address(url).is_local is is_local


@pytest.mark.parametrize(
    "url",
    [
        "",
        "db.example:5432",
        "http://fabro@db.example/runs",
        "postgresql://",
        "postgresql://db.example/runs",
        "postgresql://fabro@db.example",
        "postgresql://fabro@db.example/",
        "postgresql://fabro@h:x/runs",
        "postgresql://fabro@,/runs",
        "postgresql://fabro@/runs",
        "postgresql://fabro@h/runs?sslmode=disable",
        "postgresql://fabro@/runs?host=relative",
        "postgresql://fabro@/runs?host=/run&port=x",
        "postgresql://fabro@/runs?host=/run&password=hunter2",
    ],
)
def test_another_url_is_a_problem_that_does_not_repeat_it(tmp_path: Path, url: str) -> None:
    (line,) = faults(tmp_path, url=url)
    assert line.startswith("server.store.postgres.url: expected ")
    assert "hunter2" not in line


def test_a_password_in_the_url_is_refused_unseen_with_the_name_of_the_variable(tmp_path: Path) -> None:
    (line,) = faults(tmp_path, url="postgresql://fabro:hunter2@db.example/runs")
    assert "FABRO_POSTGRES_PASSWORD" in line
    assert "hunter2" not in line


def test_a_password_in_the_file_is_refused_with_the_name_of_the_variable(tmp_path: Path) -> None:
    (line,) = faults(tmp_path, password="hunter2")
    assert line.startswith("server.store.postgres.password: ")
    assert "FABRO_POSTGRES_PASSWORD" in line
    assert "hunter2" not in line


@pytest.mark.parametrize(
    "wrong",
    [
        {"schema": "Fabro"},
        {"schema": "pg_fabro"},
        {"schema": 'a"; DROP TABLE runs'},
        {"schema": "a" * 51},
        {"sslmode": "prefer"},
        {"max_connections": 0},
        {"timeout_seconds": 0},
    ],
)
def test_wrong_settings_are_problems(tmp_path: Path, wrong: dict[str, object]) -> None:
    (line,) = faults(tmp_path, **wrong)
    assert line.startswith(f"server.store.postgres.{next(iter(wrong))}: ")
