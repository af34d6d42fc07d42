"""The pytest plugin: after a run with a conformance kit, one line for each store and auth method that was tested.

    store conformance, API 1: sqlite 187 passed, 0 deviations

pytest loads this module in every project where fabro-core is installed, before anything can measure coverage. So it
imports nothing of the core until a kit has run, and does nothing at all without one.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

import pytest

pytest.register_assert_rewrite("fabro_core.testing.store", "fabro_core.testing.auth", "fabro_core.testing.responders")

KIT: Final = "fabro_kit"
"""Property of a kit test's report: `store`, `auth` or `responder`."""

SUITE: Final = "fabro_suite"
"""Property of a kit test's report: the node id of its class."""


LONG: Final = "fabro_long"
"""Mark of the tests that take most of a kit's time, and property of their reports."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{LONG}: takes most of the time of a conformance kit")
    config.pluginmanager.register(ConformanceReporter(), "fabro conformance reporter")


class ConformanceReporter:
    """Marks the tests of kits as such, and gathers their reports; also those that pytest-xdist brings from workers."""

    def __init__(self) -> None:
        self._reports: list[pytest.TestReport] = []

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        cls = getattr(item, "cls", None)
        kit = getattr(cls, "conformance_kit", None)
        if not isinstance(item, pytest.Function) or cls is None or kit is None:
            return
        from fabro_core.testing.conformance import DEVIATION, is_promise

        if is_promise(cls, item.originalname):
            suite = item.nodeid.removesuffix(f"::{item.name}")
            item.user_properties += [(KIT, kit), (SUITE, suite)]
            if item.get_closest_marker(LONG) is not None:
                item.user_properties.append((LONG, ""))
            reason = getattr(item.function, DEVIATION, None)
            if reason is not None:
                item.user_properties.append((DEVIATION, reason))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if report.failed and (KIT, "auth") in report.user_properties:
            for traceback, *_ in getattr(report.longrepr, "chain", ()):
                for entry in traceback.reprentries:  # pytest shows what each function was given: tokens and passwords
                    if getattr(entry, "reprfuncargs", None) is not None:
                        entry.reprfuncargs = None
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if any(name == KIT for name, _ in report.user_properties):
            self._reports.append(report)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self._reports:
            return
        from fabro_core.testing.summary import lines

        terminalreporter.section("conformance")
        for line in lines(self._reports, kit=KIT, suite=SUITE):
            terminalreporter.write_line(line)
