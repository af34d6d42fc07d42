"""`docs/compatibility.md`: what it tells plugins to write is what this release accepts, and says when it does not."""

from __future__ import annotations

import tomllib
from types import SimpleNamespace

from fabro_core import PLUGIN_API, __version__
from fabro_core.plugins.fence import ApiFence
from tests.docs.documents import blocks, table

PAGE = "docs/compatibility.md"


def test_the_number_that_the_page_states_is_the_one_that_is_offered() -> None:
    (statement,) = blocks(PAGE, "python")
    plugin = SimpleNamespace()
    exec(statement, plugin.__dict__)
    assert plugin.FABRO_PLUGIN_API == PLUGIN_API


def test_the_requirement_that_the_page_states_admits_this_release() -> None:
    (project,) = blocks(PAGE, "toml")
    major = int(__version__.split(".")[0])
    assert tomllib.loads(project)["project"]["dependencies"] == [f"fabro-core>={major}.0,<{major + 1}"]


def test_the_table_says_what_the_fence_does() -> None:
    fence = ApiFence(3)
    stated = {
        "the offered number": 3,
        "the number before": 2,
        "an older number": 1,
        "a newer number": 4,
        "nothing": None,
    }
    outcomes = {cells[0]: cells[1] for cells in table(PAGE, "The plugin states")}

    assert outcomes.keys() == stated.keys()
    for which, number in stated.items():
        plugin = SimpleNamespace() if number is None else SimpleNamespace(FABRO_PLUGIN_API=number)
        fault = fence.fault(plugin)
        assert ("the start stops" in outcomes[which]) == (fault is not None)
        assert ("with a warning" in outcomes[which]) == (fault is None and fence.warning(number or 0) is not None)
        assert "upgrade the plugin" not in outcomes[which] or (fault or "").endswith("upgrade the plugin")
        assert "upgrade `fabro-core`" not in outcomes[which] or (fault or "").endswith("upgrade fabro-core")
