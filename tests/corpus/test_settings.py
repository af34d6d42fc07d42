"""Settings files as people write them, through every operation that reads them (run-settings.md)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from fabro_core.runs.settings.merging import RULES, MergeRule, Speak, merge
from fabro_core.runs.settings.table import Rule
from fabro_core.runs.settings.toml_places import Path as SettingPath
from tests.api.conftest import in_memory, serving
from tests.corpus.cases import Case, cases
from tests.corpus.checking import faults_of


@pytest.mark.anyio
@pytest.mark.parametrize("case", cases("settings"))
async def test_a_settings_case_is_as_expected(case: Case, tmp_path: Path) -> None:
    async with serving(in_memory(), tmp_path) as server:
        assert await faults_of(case, server.client) == []


def _lower_wins(lower: Any, higher: Any, _speak: Speak, _path: SettingPath) -> Any:
    return higher if lower is None else lower


def _field_by_field(lower: Any, higher: Any, speak: Speak, path: SettingPath) -> Any:
    return higher if lower is None else merge(lower, higher, speak, path)


SWITCHED_OFF: Final[dict[Rule, tuple[str, MergeRule]]] = {
    Rule.SET: ("layers-order", _lower_wins),
    Rule.WHOLE: ("artifacts-whole", _field_by_field),
    Rule.REPLACE: ("metadata-replace", RULES[Rule.SET]),
    Rule.REPLACE_OR_CLEAR: ("inputs-clear", RULES[Rule.REPLACE]),
    Rule.LIST: ("checkpoint", RULES[Rule.SET]),
    Rule.BY_KEY: ("environment-merge", RULES[Rule.SET]),
    Rule.DEEP: ("notifications-deep", RULES[Rule.SET]),
    Rule.FIELDS: ("model-fields", RULES[Rule.SET]),
    Rule.SPLICE: ("notifications-deep", RULES[Rule.SET]),
    Rule.SPLICE_BY_KEY: ("fallbacks-splice", RULES[Rule.SET]),
    Rule.HOOKS: ("hook-merge", RULES[Rule.SET]),
}
"""For each rule a case that rests on it, and what is put in its place."""

RESTING: Final = {
    name: [rule for rule, (case, _) in SWITCHED_OFF.items() if case == name] for name, _ in SWITCHED_OFF.values()
}


def test_every_merge_rule_is_switched_off_once() -> None:
    assert set(SWITCHED_OFF) == set(Rule)


@pytest.mark.anyio
@pytest.mark.parametrize("case", [each for each in cases("settings") if each.id in ("no corpus", *RESTING)])
async def test_a_merge_rule_that_is_switched_off_is_noticed(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for rule in RESTING[case.name]:
        with monkeypatch.context() as switched:
            switched.setitem(RULES, rule, SWITCHED_OFF[rule][1])
            async with serving(in_memory(), tmp_path / rule) as server:
                assert await faults_of(case, server.client) != []
