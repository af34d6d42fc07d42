"""What a JSON value of the wrong type is, in the words of JSON and with its whole path."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabro_core.models.type_faults import TypeFault, type_fault, type_fault_in


class Inner(msgspec.Struct):
    name: str
    size: int | None = None
    ratio: float = 1.0


class Outer(msgspec.Struct):
    inners: dict[str, Inner] = {}
    lists: list[dict[str, list[Inner]]] = []
    flag: bool = False
    kind: Literal["a", "b"] = "a"


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ([], "Expected object, got array."),
        ({"flag": "true"}, "flag: expected boolean, got string."),
        ({"kind": "c"}, "kind: invalid enum value 'c'."),
        ({"inners": {"x": {"name": 3}}}, 'inners["x"].name: expected string, got integer.'),
        ({"inners": {"x": {"name": "n", "size": "3"}}}, 'inners["x"].size: expected integer or null, got string.'),
        ({"inners": {"x": {"name": "n", "ratio": None}}}, 'inners["x"].ratio: expected number, got null.'),
        ({"inners": {"a": {"name": "n"}, "b": {}, "c": {}}}, 'inners["b"].name: is required.'),
        ({"inners": {"a.b[0]": 1}}, 'inners["a.b[0]"]: expected object, got integer.'),
        ({"inners": {"k" * 100: 1}}, f'inners["{"k" * 77}..."]: expected object, got integer.'),
        ({"lists": [{}, {"p": [], "q": [{"name": True}]}]}, 'lists[1]["q"][0].name: expected string, got boolean.'),
    ],
)  # fmt: skip
def test_the_first_fault_is_told_with_the_keys_of_maps(value: Any, line: str) -> None:
    fault = type_fault_in(value, Outer)
    assert fault is not None
    assert fault.line() == line


def test_a_value_without_a_fault_has_none() -> None:
    assert type_fault_in({"inners": {"x": {"name": "n"}}}, Outer) is None


def test_without_the_value_a_key_is_not_known() -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(b'{"inners": {"x": {"name": 3}}}', type=Outer)
    assert type_fault(caught.value, "body") == TypeFault("body.inners[...].name", "expected string, got integer")


@given(st.dictionaries(st.text(), st.integers(0, 9), min_size=1))
def test_of_many_entries_the_first_one_at_fault_is_found(sizes: dict[str, int]) -> None:
    faulty = [key for key, size in sizes.items() if size == 0]
    entries = {key: {"name": "n", "size": size or "none"} for key, size in sizes.items()}
    fault = type_fault_in({"inners": entries}, Outer)
    if not faulty:
        assert fault is None
        return
    assert fault is not None
    assert fault.path == f"inners[{msgspec.json.encode(faulty[0]).decode()}].size"
