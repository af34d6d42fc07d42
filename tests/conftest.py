"""Fixtures that every test may use, and the order in which tests run."""

from __future__ import annotations

import random
from itertools import groupby

import pytest
from hypothesis import HealthCheck, settings

from tests.testing.turns import VARIABLE, settle_turn

# How long an example takes says something about the machine that runs it, and nothing about the code. A change is tried
# with the same examples each time; `make long` searches for others (`--hypothesis-profile=searching`).
settings.register_profile("fabro", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("searching", settings.get_profile("fabro"), derandomize=False, max_examples=1_000)
settings.load_profile("fabro")


def pytest_report_header() -> str:
    return f"mutants of this turn: {VARIABLE}={settle_turn()}"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--order-seed",
        type=int,
        metavar="N",
        help="shuffle the files with tests, and the tests of each file, by the number N",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """No test needs what another has left behind."""
    seed: int | None = config.getoption("--order-seed")
    if seed is not None:
        items[:] = shuffled(items, random.Random(seed))


def shuffled(items: list[pytest.Item], chance: random.Random) -> list[pytest.Item]:
    """Tests of one file stay together, and so do those that differ in their parameters alone."""
    files = [list(each) for _, each in groupby(items, key=lambda item: item.path)]
    chance.shuffle(files)
    order: list[pytest.Item] = []
    for file in files:
        tests = [list(each) for _, each in groupby(file, key=lambda item: item.nodeid.partition("[")[0])]
        chance.shuffle(tests)
        order += [item for test in tests for item in test]
    return order


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio, the only event loop the server uses."""
    return "asyncio"
