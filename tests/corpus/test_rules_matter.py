"""Every rule is held by a case: with the rule switched off, some case of the corpus comes out otherwise."""

from __future__ import annotations

import json

import msgspec
import pytest

from fabro_core.errors import InvalidRequest
from fabro_core.runs.create.manifest import read_manifest
from fabro_core.runs.create.plan import judge, settle
from fabro_core.runs.create.work import PlanningWork
from fabro_core.runs.settings.stored import StoredSettings
from fabro_core.runs.workflow.rules import table
from fabro_core.runs.workflow.rules.subject import Rule
from fabro_core.runs.workflow.rules.table import RULES
from tests.corpus.cases import Case, cases
from tests.corpus.checking import judgement_faults

CASES = [case for parameter in cases("language") if isinstance(case := parameter.values[0], Case)]


def wrong_cases() -> list[str]:
    """The cases of which the server would say something else than they expect."""
    return [case.name for case in CASES if "fault" not in case.expected and _is_wrong(case)]


def _is_wrong(case: Case) -> bool:
    work = PlanningWork()
    try:
        judgement = judge(settle(read_manifest(json.dumps(case.manifest()).encode()), StoredSettings(), work), work)
    except InvalidRequest:
        return True
    graph = judgement.workflow.graph
    answer = {
        "ok": not judgement.errors,
        "workflow": {
            "nodes": len(graph.nodes),
            "edges": len(graph.edges),
            "goal": graph.goal,
            "diagnostics": json.loads(msgspec.json.encode(judgement.diagnostics)),
        },
    }
    return bool(list(judgement_faults(case.expected, "validate", answer)))


@pytest.mark.skipif(not CASES, reason="FABRO_CORPUS does not name the corpus")
def test_with_all_rules_no_case_is_wrong() -> None:
    assert wrong_cases() == []


@pytest.mark.skipif(not CASES, reason="FABRO_CORPUS does not name the corpus")
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_without_a_rule_a_case_is_wrong(rule: Rule, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "RULES", tuple(each for each in RULES if each is not rule))
    assert wrong_cases()
