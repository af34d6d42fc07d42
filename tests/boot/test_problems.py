"""What stops a start, and what the operator is told (server.md S14, S18; auth.md A27)."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from fabro_core.boot.assembly import assemble
from fabro_core.boot.reading import SettingsReader
from fabro_core.boot.report import report
from fabro_core.errors import StartupError
from fabro_core.plugins.discovery import PluginIndex, installed_plugins
from fabro_core.plugins.kinds import STORE
from fabro_core.plugins.selection import not_installed

AUTH = {"methods": ["dev-token"]}
MEMORY = {"kind": "memory"}


def document(**tables: object) -> dict[str, object]:
    return {"server": {"auth": AUTH, "store": MEMORY, **tables}}


def test_a_misspelt_method_gets_the_near_name(faults: Any) -> None:
    (line,) = faults(document(auth={"methods": ["dev-tokn"]}))

    assert line.startswith('server.auth.methods: no installed plugin provides "dev-tokn"; did you mean "dev-token"?;')


def test_an_unknown_key_beside_the_names_hides_no_problem_of_the_names(faults: Any) -> None:
    lines = faults(document(auth={"methods": ["dev-tokn"], "allowed": 3}, store={"kind": "sqlit", "knid": 1}))

    assert [line.partition(":")[0] for line in lines] == [
        "server.auth.allowed",
        "server.auth.methods",
        "server.store.kind",
        "server.store.knid",
    ]


def test_a_store_of_ours_that_is_not_installed_gets_the_install_line() -> None:
    installed = [each for each in installed_plugins() if each.name != "redis"]

    message = not_installed(PluginIndex(installed), STORE, "redis")

    assert message.startswith('no installed plugin provides "redis"; ')
    assert "run: pip install 'fabro-core[redis]'" in message
    assert "installed: memory, postgres, sqlite" in message


def test_the_table_of_a_plugin_that_is_not_installed_is_a_problem(faults: Any) -> None:
    (line,) = faults(document(auth={**AUTH, "devtoken": {"x": 1}}))

    assert line.startswith('server.auth.devtoken: no installed plugin provides "devtoken"; did you mean "dev-token"?')


def test_the_table_of_a_plugin_that_is_not_selected_is_ignored_with_a_warning(assembled: Any) -> None:
    assembly = assembled(document(store={**MEMORY, "sqlite": {"nonsense": 1}}))

    assert assembly.warnings == ("[server.store.sqlite] is ignored: server.store.kind does not name sqlite",)


def test_two_distributions_with_one_name_are_both_named(faults: Any, distribute: Any) -> None:
    distribute("acme-one", "fabro.auth", "acme", "acme_one_contested", "")
    distribute("acme-two", "fabro.auth", "acme", "acme_two_contested", "")

    (line,) = faults(document(auth={"methods": ["acme"]}))

    assert "acme-one 2.5" in line
    assert "acme-two 2.5" in line


def test_a_broken_plugin_that_is_selected_is_named_with_its_traceback(distribute: Any, environ: Any) -> None:
    distribute("acme-broken", "fabro.auth", "acme", "acme_broken_selected", "import nothing_of_this_name\n")

    with pytest.raises(StartupError) as failed:
        assemble(SettingsReader(environ=environ).read(document(auth={"methods": ["acme"]})))

    (problem,) = failed.value.problems
    assert problem.path == "acme (acme-broken 2.5)"
    assert problem.message == (
        "the entry point acme_broken_selected cannot be imported:"
        " ModuleNotFoundError: No module named 'nothing_of_this_name'"
    )
    assert problem.trace is not None
    assert "acme_broken_selected.py" in problem.trace


def test_a_broken_plugin_that_is_not_selected_does_not_matter(assembled: Any, distribute: Any) -> None:
    distribute("acme-broken", "fabro.auth", "acme", "acme_broken_idle", "raise RuntimeError\n")

    assembled(document())

    assert "acme_broken_idle" not in sys.modules


def test_a_plugin_that_exits_on_import_does_not_end_the_process_without_report(faults: Any, distribute: Any) -> None:
    distribute("acme-exit", "fabro.store", "acme", "acme_exit_selected", "raise SystemExit(0)\n")

    (line,) = faults(document(store={"kind": "acme"}))

    assert line.endswith("cannot be imported: SystemExit: 0")


def test_an_unknown_key_of_a_plugins_table_gets_the_near_name(faults: Any) -> None:
    lines = faults({"server": {"auth": AUTH, "store": {"kind": "sqlite", "sqlite": {"pth": "x"}}}})

    assert lines == ['server.store.sqlite.pth: unknown key, did you mean "path"?']


def test_a_secret_in_the_file_is_refused_and_not_repeated(faults: Any) -> None:
    lines = faults(document(auth={**AUTH, "dev-token": {"token": "fabro_dev_hunter2"}}))

    assert lines == [
        "server.auth.dev-token.token: secrets are not read from this file; set the variable FABRO_DEV_TOKEN"
    ]


@pytest.mark.parametrize("value", ["", "fabro_dev_123", "x" + "fabro_dev_" + "0" * 64])
def test_a_dev_token_that_is_missing_or_malformed_is_a_problem_of_its_variable(
    faults: Any, environ: dict[str, str], value: str
) -> None:
    environ["FABRO_DEV_TOKEN"] = value

    (line,) = faults(document())

    assert line.startswith("FABRO_DEV_TOKEN: ")
    assert not value or value not in line


def test_a_short_session_secret_is_a_problem_even_with_web_off(faults: Any, environ: dict[str, str]) -> None:
    environ["SESSION_SECRET"] = "s" * 31

    lines = faults(document(web={"enabled": False}))

    assert lines == ["SESSION_SECRET: expected at least 32 bytes, found another value in the environment"]


def test_without_web_there_need_be_no_session_secret(assembled: Any, environ: dict[str, str]) -> None:
    del environ["SESSION_SECRET"]

    assert assembled(document(web={"enabled": False})).reading.session_secret is None


def test_the_environment_beats_server_env(assembled: Any, environ: dict[str, str], tmp_path: Any) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "server.env").write_text(f"SESSION_SECRET={'f' * 32}\nFABRO_DEV_TOKEN=fabro_dev_{'f' * 64}\n")
    (tmp_path / "home" / "server.env").chmod(0o600)
    environ["SESSION_SECRET"] = ""

    assembly = assembled(document())

    assert assembly.reading.session_secret is not None
    assert assembly.reading.session_secret.reveal() == "f" * 32
    assert assembly.methods[0]._token.reveal() == environ["FABRO_DEV_TOKEN"]


def test_the_report_has_settings_then_variables_then_plugins(environ: dict[str, str], distribute: Any) -> None:
    distribute("acme-broken", "fabro.auth", "acme", "acme_broken_report", "raise RuntimeError('why')\n")
    del environ["SESSION_SECRET"]

    settings = document(auth={"methods": ["acme"]}, limits={"max_body_bytes": "x"}, api={"ulr": "x"})
    with pytest.raises(StartupError) as failed:
        assemble(SettingsReader(environ=environ).read(settings))

    text = report(failed.value.problems)
    assert text.startswith(
        """\
fabro: cannot start, 4 problems
  server.api.ulr: unknown key, did you mean "url"?
  server.limits.max_body_bytes: expected an integer of at least 1024, found a string
  SESSION_SECRET: required while server.web.enabled is true; run "fabro init" or set the variable
  acme (acme-broken 2.5): the entry point acme_broken_report cannot be imported: RuntimeError: why

acme (acme-broken 2.5):
Traceback (most recent call last):
"""
    )
    assert text.endswith("RuntimeError: why\n")
