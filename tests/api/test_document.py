"""The API document is that of the contract but for the differences that are named, each with its reason."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fabro_core.api.server.placeholders import PLACEHOLDERS
from tests.api.contract import contract, needs_contract, own_document
from tests.api.documents import document_differences, operations

BEYOND_THE_CONTRACT = {
    "createWorkerToken",
    "exchangeCliCode",
    "finishGithubLogin",
    "getReady",
    "listStageTurns",
    "logout",
    "logoutCli",
    "refreshCliTokens",
    "startGithubLogin",
}
"""Ours, and what signs browsers and programs in (auth.md A10 to A22)."""


EXCEPTIONS = Path(__file__).with_name("contract_exceptions.txt")
"""Differences below the reason why there are, which begins with `#`."""


def exceptions() -> Iterator[str]:
    reason = ""
    for line in filter(None, EXCEPTIONS.read_text(encoding="utf-8").splitlines()):
        if line.startswith("# "):
            reason = line
        else:
            assert reason.endswith("."), line
            yield line.strip()


@pytest.fixture
def theirs() -> dict[str, Any]:
    return contract()


@needs_contract
def test_every_operation_is_one_of_the_contract_or_named(theirs: dict[str, Any]) -> None:
    assert set(operations(own_document())) - set(operations(theirs)) == BEYOND_THE_CONTRACT


@needs_contract
def test_every_difference_from_the_contract_is_named_and_no_other_is(theirs: dict[str, Any]) -> None:
    placeholders = tuple(each.id for each in PLACEHOLDERS)  # which answer nothing that could be compared
    found = Counter(each for each in document_differences(own_document(), theirs) if not each.startswith(placeholders))
    named = Counter(exceptions())
    assert sorted((found - named).elements()) == [], "these have no reason yet"
    assert sorted((named - found).elements()) == [], "these do not occur any more"


def test_a_document_does_not_differ_from_itself() -> None:
    assert [each for each in document_differences(own_document(), own_document()) if "statuses" not in each] == []


Changed = tuple[tuple[str | int, ...], Any, str]
CHANGES: tuple[Changed, ...] = (
    (("paths", "/api/v1/runs", "get", "parameters", 0, "required"), True, "listRuns: query"),
    (("paths", "/api/v1/runs", "get", "parameters", 0, "name"), "odd", "listRuns: parameters"),
    (("paths", "/api/v1/runs", "get", "responses", "418"), {}, "listRuns: statuses added: 418"),
    (("paths", "/api/v1/runs", "get", "security"), [], "listRuns: security"),
    (("paths", "/api/v1/runs", "post", "requestBody", "required"), False, "createRun: body required"),
    (("paths", "/api/v1/runs", "post", "requestBody", "content", "text/plain"), {}, "createRun body: media types"),
    (("components", "schemas", "Run", "required"), [], "Run: required missing"),
    (("components", "schemas", "Run", "properties", "odd"), {}, "Run: property added: odd"),
    (("components", "schemas", "Run", "properties", "title"), {"type": "integer"}, "Run.title: type"),
    (("components", "schemas", "Run", "properties", "title"), {"type": ["string", "null"]}, "Run: null added: title"),
    (("components", "schemas", "Run", "properties", "labels"), {"type": "object"}, "Run.labels: other properties"),
    (("components", "schemas", "Run", "properties", "models"), {"type": "array"}, "Run.models: items"),
    (("components", "schemas", "Run", "additionalProperties"), False, "Run: other properties"),
    (("components", "schemas", "Run", "properties", "title"), {"enum": ["a"]}, "Run.title: value added: a"),
    (("components", "schemas", "RunTimestamps", "properties", "created_at"), {"type": "null"}, "RunTimestamps"),
)


@pytest.mark.parametrize(("place", "value", "difference"), CHANGES, ids=lambda each: str(each)[:60])
def test_every_kind_of_difference_is_seen(place: tuple[str | int, ...], value: Any, difference: str) -> None:
    ours = json.loads(json.dumps(own_document()))
    part: Any = ours
    for step in place[:-1]:
        part = part[step]
    part[place[-1]] = value
    assert any(each.startswith(difference) for each in document_differences(ours, own_document()))


def test_each_method_of_signing_in_is_shown_by_its_name() -> None:
    shown = {(method, path): each for each, (method, path, _) in operations(own_document()).items()}
    assert {path for _, path in shown if "{method}" in path} == set()
    assert shown["post", "/auth/login/dev-token"] == "loginDevToken"
    assert shown["get", "/auth/login/github"] == "startGithubLogin"
    assert shown["get", "/auth/callback/github"] == "finishGithubLogin"
    assert ("post", "/auth/login/github") not in shown


def test_what_is_left_out_when_it_is_none_is_never_null() -> None:
    schemas = own_document()["components"]["schemas"]
    assert schemas["ErrorResponseEntry"]["properties"]["code"] == {"type": "string"}
    assert "null" in str(schemas["Run"]["properties"]["timing"])


def test_no_pattern_is_pythons_own() -> None:
    text = json.dumps(own_document())
    assert r"\\A" not in text
    assert r"\\Z" not in text
