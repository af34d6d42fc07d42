"""What "part of" means when answers are compared with cases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.corpus.cases import BOM, SMALLEST, Case, differences
from tests.corpus.checking import diagnostic_faults


@pytest.mark.parametrize(
    ("part", "whole"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": {"b": []}}, {"a": {"b": [], "c": 1}}),
        ([{"a": 1}, 2], [{"a": 1, "b": 1}, 2]),
        ({"a": {"$absent": True}}, {}),
        ({"a": {"$absent": True}}, {"a": None}),
        ({"a": {"$absent": True}}, {"a": []}),
        ({"$keys": ["a", "b"]}, {"b": 1, "a": 2}),
        ({"$set": [1, [2, 3]]}, [[2, 3], 1]),
        ({"$words": ["a b", "c"]}, "'a b' c"),
        ({"$has": ["b", "c"]}, "abc"),
        (None, None),
        (True, True),
    ],
)
def test_a_part_fits(part: Any, whole: Any) -> None:
    assert differences(part, whole) == []


@pytest.mark.parametrize(
    ("part", "whole"),
    [
        (True, 1),
        (1, 1.0),
        ("1", 1),
        ({"a": 1}, {"b": 1}),
        ({"a": 1}, None),
        ([1], [1, 2]),
        ([], None),
        ({"a": {"$absent": True}}, {"a": 0}),
        ({"a": {"$absent": True}}, {"a": False}),
        ({"$keys": ["a"]}, {"a": 1, "b": 2}),
        ({"$set": [1, 1]}, [1]),
        ({"$words": ["a", "b"]}, "'a b'"),
        ({"$has": ["z"]}, "abc"),
        ({"$has": ["z"]}, None),
    ],
)
def test_a_part_does_not_fit(part: Any, whole: Any) -> None:
    assert differences(part, whole) != []


def test_a_case_becomes_a_manifest(tmp_path: Path) -> None:
    files = {
        "one.toml": "_version = 1\n",
        "one.d/user.toml": "x = 1\n",
        "one.d/files/flows/case/a.md": "A\n",
        "one.d/workflows/flows/case/b.fabro": "digraph B {}",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    expected = {
        "transform": ["bom", "toml-crlf"],
        "manifest": {"goal": {"type": "value", "text": "g"}, "ref_types": {"flows/case/a.md": "import"}},
    }
    assert Case("one", tmp_path, expected).manifest() == {
        "version": 1,
        "cwd": "/projects/case",
        "target": {"path": "flows/case/workflow.fabro"},
        "goal": {"type": "value", "text": "g"},
        "configs": [{"type": "user", "path": "settings.toml", "source": "x = 1\r\n"}],
        "workflows": {
            "flows/case/workflow.fabro": {
                "source": BOM + SMALLEST,
                "config": {"path": "flows/case/workflow.toml", "source": "_version = 1\r\n"},
                "files": {
                    "flows/case/a.md": {"content": "A\n", "ref": {"type": "import", "original": "flows/case/a.md"}}
                },
            },
            "flows/case/b.fabro": {"source": "digraph B {}"},
        },
    }


def test_a_near_match_is_a_whole_word_of_message_or_fix() -> None:
    part = {"rule": "type_known", "severity": "warning", "near": "command"}
    found = {"rule": "type_known", "severity": "warning", "message": "Unknown.", "fix": 'Did you mean "command"?'}
    assert list(diagnostic_faults(part, found, "validate")) == []
    assert list(diagnostic_faults(part, {**found, "fix": "commands"}, "validate")) != []


def test_names_that_are_not_bound_are_warnings_of_validate_alone() -> None:
    part = {"rule": "template_undefined_variable", "severity": "warning"}
    found = json.loads('{"rule": "template_undefined_variable", "severity": "error", "message": "", "fix": null}')
    assert list(diagnostic_faults(part, found, "preflight")) == []
    assert list(diagnostic_faults(part, found, "validate")) != []
