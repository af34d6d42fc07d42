"""The fence of the plugin API, seen from a server that offers a later number than this one."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

import fabro_auth_devtoken
from fabro_core.boot.assembly import Assembly, assemble
from fabro_core.boot.reading import SettingsReader
from fabro_core.errors import StartupError
from fabro_core.hooks import PLUGIN_API, hookimpl
from fabro_core.plugins.fence import FENCE, ApiFence
from fabro_core.plugins.kinds import Group
from fabro_core.plugins.sources import InlinePlugin
from fabro_core.store.base import RunStore
from fabro_core.store.memory import MemoryData, MemoryRunStore

LATER = ApiFence(3)


def started(directory: Path, api: int) -> Assembly:
    """A server that offers plugin API 3, with a store that was written for another."""

    @hookimpl
    def fabro_run_store() -> RunStore:
        return MemoryRunStore(MemoryData())

    target = SimpleNamespace(FABRO_PLUGIN_API=api, fabro_run_store=fabro_run_store)
    reader = SettingsReader(
        [
            InlinePlugin(group=Group.STORE, name="rows", target=target),
            InlinePlugin(group=Group.AUTH, name="dev-token", target=_dev_token(LATER.offered)),
        ],
        environ={"FABRO_HOME": str(directory), "FABRO_DEV_TOKEN": "fabro_dev_" + "0" * 64},
        fence=LATER,
    )
    settings = {"auth": {"methods": ["dev-token"]}, "store": {"kind": "rows"}, "web": {"enabled": False}}
    return assemble(reader.read({"server": settings}))


def _dev_token(api: int) -> object:
    return SimpleNamespace(**{**vars(fabro_auth_devtoken), "FABRO_PLUGIN_API": api})


def test_a_plugin_for_the_offered_api_is_accepted_in_silence(tmp_path: Path) -> None:
    assert started(tmp_path, 3).warnings == ()


def test_a_plugin_for_the_api_before_is_accepted_with_a_warning(tmp_path: Path) -> None:
    assembly = started(tmp_path, 2)

    assert assembly.warnings == (
        "rows (handed over in memory) was written for plugin API 2, this server offers 3;"
        " upgrade the plugin before the next upgrade of fabro-core",
    )
    assert assembly.server.plugin_api == 3


@pytest.mark.parametrize(
    ("api", "words"),
    [
        (1, "was written for plugin API 1, this server needs 2 or 3; upgrade the plugin"),
        (4, "was written for plugin API 4, this server offers 3; upgrade fabro-core"),
    ],
)
def test_a_plugin_for_any_other_api_stops_the_start(tmp_path: Path, api: int, words: str) -> None:
    with pytest.raises(StartupError) as refused:
        started(tmp_path, api)

    assert [problem.line() for problem in refused.value.problems] == [f"rows (handed over in memory): {words}"]


def test_the_first_api_has_none_before_it() -> None:
    assert list(ApiFence(1).accepted) == [1]


def test_this_server_offers_its_own_api() -> None:
    assert FENCE.offered == PLUGIN_API
    assert PLUGIN_API in FENCE.accepted
