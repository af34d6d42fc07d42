"""A plugin of pytest for `mutant_suites`: a mutant that was found is not asked any further.

Found means: a test has failed and names the promise, in its message or by its own name. A mutant that fails otherwise
is asked on. What was found goes into the report as the property `FOUND` of the test.
"""

from __future__ import annotations

import inspect
from collections.abc import Generator
from typing import Any, Final

import pytest

from fabro_core.testing.conformance import promise

FOUND: Final = "found_mutant"

_found: Final = pytest.StashKey[set[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_found] = set()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin each suite with the tests that speak of the promise, which are the likeliest to find the mutant."""
    suites = {item.nodeid.rpartition("::")[0]: number for number, item in enumerate(items)}
    items.sort(key=lambda item: (suites[item.nodeid.rpartition("::")[0]], not _speaks_of_it(item)))


def pytest_runtest_setup(item: pytest.Item) -> None:
    mutant = _mutant_of(item)
    if mutant is not None and mutant.name in item.config.stash[_found]:
        pytest.skip("found already")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    mutant = _mutant_of(item)
    if report.failed and mutant is not None and mutant.promise in _words(item, report):
        item.config.stash[_found].add(mutant.name)
        item.user_properties.append((FOUND, mutant.name))  # of the item: the report of its end has it as well
    return report


def _mutant_of(item: pytest.Item) -> Any:
    return getattr(getattr(item, "cls", None), "mutant", None)


def _speaks_of_it(item: pytest.Item) -> bool:
    mutant = _mutant_of(item)
    if mutant is None or not isinstance(item, pytest.Function):
        return False
    return mutant.promise in promise(item.originalname) or mutant.promise in inspect.getsource(item.function)


def _words(item: pytest.Item, report: pytest.TestReport) -> str:
    # Not the whole report: it has the lines of the test as well, and with them the promises that were kept.
    crash = getattr(report.longrepr, "reprcrash", None)
    name = item.originalname if isinstance(item, pytest.Function) else item.name
    return f"{promise(name)}\n{'' if crash is None else crash.message}"
