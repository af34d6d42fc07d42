"""Variables of two servers on one store: the memory store, SQLite and Redis (resources.md X7)."""

from __future__ import annotations

import asyncio

import pytest

from fabro_core.errors import NotFound
from fabro_core.resources.variables import Variables, VariableValue
from fabro_core.store.base import RunStore
from fabro_core.testing.clock import ManualClock
from tests.replicas import replicas as replicas  # fixtures
from tests.replicas import shared_valkey as shared_valkey

pytestmark = pytest.mark.anyio

Pair = tuple[Variables, Variables]


@pytest.fixture
def pair(replicas: tuple[RunStore, RunStore]) -> Pair:
    clock = ManualClock()
    return Variables(replicas[0], clock), Variables(replicas[1], clock)


async def test_what_one_server_sets_is_what_the_other_shows(pair: Pair) -> None:
    first, second = pair
    set_ = await first.put("REGION", VariableValue(value="eu-1", description="d"))
    assert await second.get("REGION") == set_
    assert await second.all() == [set_]
    changed = await second.change("REGION", VariableValue(value="eu-2"))
    assert await first.get("REGION") == changed
    await second.delete("REGION")
    with pytest.raises(NotFound):
        await first.get("REGION")


async def test_names_differ_by_case_and_are_listed_by_their_bytes(pair: Pair) -> None:
    for name in ("b", "_", "a", "B", "A1", "A"):
        await pair[0].put(name, VariableValue(value=name))
    assert [each.name for each in await pair[1].all()] == ["A", "A1", "B", "_", "a", "b"]


async def test_of_many_that_set_at_once_each_counts_and_one_creates(pair: Pair) -> None:
    await asyncio.gather(*(pair[n % 2].put("N", VariableValue(value=str(n))) for n in range(40)))
    await asyncio.gather(*(pair[n % 2].put(f"N{n}", VariableValue(value="x")) for n in range(40)))
    assert len(await pair[0].all()) == 41


async def test_of_two_that_delete_at_once_one_finds_it(pair: Pair) -> None:
    await pair[0].put("N", VariableValue(value=""))
    outcomes = await asyncio.gather(*(each.delete("N") for each in pair), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "NotFound"]
    with pytest.raises(NotFound):
        await pair[1].change("N", VariableValue(value="back"))


async def test_more_than_a_page_of_them_is_listed(pair: Pair) -> None:
    names = [f"N{number:03}" for number in range(230)]
    for name in names:
        await pair[0].put(name, VariableValue(value=""))
    assert [each.name for each in await pair[1].all()] == names
