"""What pytest's reports say about each subject of a conformance kit, in words.

Loaded by `fabro_core.testing.pytest_plugin` when a kit has run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from fabro_core.hooks import PLUGIN_API
from fabro_core.testing.conformance import COST, DEVIATION, LONG, NOT_APPLICABLE, SUBJECT, promise

_SKIPPED = "Skipped: "

MOST_COST_RATIO = 3.0
"""From here on the summary warns."""


@dataclass(slots=True)
class _Test:
    """What has become of one test."""

    name: str
    failed: bool = False
    inapplicable: str | None = None
    """The fact that left nothing to test; None: it was applicable."""
    deviation: str | None = None
    """The reason of the deviation; None: there is none."""
    seconds: float = 0.0
    is_long: bool = False
    costs: tuple[str, ...] = ()
    """Each a ratio, a blank, and what it is the ratio of."""

    @property
    def passed(self) -> bool:
        return not self.failed and self.inapplicable is None and self.deviation is None


@dataclass(slots=True)
class _Suite:
    """All tests of one class."""

    kit: str
    class_name: str
    subject: str | None = None
    tests: dict[str, _Test] = field(default_factory=dict)

    @property
    def label(self) -> str:
        return self.subject or self.class_name


def lines(reports: Iterable[pytest.TestReport], *, kit: str, suite: str) -> Iterator[str]:
    """The summary; `kit` and `suite` are the names of the properties that tell where a report belongs."""
    suites: dict[str, _Suite] = {}
    for report in reports:
        properties = {name: str(value) for name, value in report.user_properties}
        node = properties[suite]
        known = suites.setdefault(node, _Suite(properties[kit], node.rpartition("::")[2]))
        known.subject = properties.get(SUBJECT, known.subject)
        name = report.nodeid.removeprefix(f"{node}::")
        _judge(report, properties, known.tests.setdefault(report.nodeid, _Test(name)))
    for each in suites.values():
        yield from _suite_lines(each, ambiguous=_is_ambiguous(each, list(suites.values())))


def _judge(report: pytest.TestReport, properties: dict[str, str], test: _Test) -> None:
    test.failed |= report.failed
    test.seconds += report.duration
    test.is_long |= LONG in properties
    test.costs = tuple(str(value) for name, value in report.user_properties if name == COST)
    expected_failure = getattr(report, "wasxfail", None)
    if DEVIATION in properties:
        test.deviation = properties[DEVIATION]
    elif expected_failure is not None:
        test.deviation = f"xfail: {expected_failure}"
    elif report.skipped:
        reason = report.longrepr[2].removeprefix(_SKIPPED) if isinstance(report.longrepr, tuple) else "no reason"
        if reason.startswith(NOT_APPLICABLE):
            test.inapplicable = reason.removeprefix(NOT_APPLICABLE)
        else:
            test.deviation = f"skip: {reason}"


def _is_ambiguous(suite: _Suite, suites: Sequence[_Suite]) -> bool:
    return sum((each.kit, each.label) == (suite.kit, suite.label) for each in suites) > 1


def _suite_lines(suite: _Suite, *, ambiguous: bool) -> Iterator[str]:
    tests = list(suite.tests.values())
    broken = Counter(promise(test.name) for test in tests if test.failed)
    inapplicable = Counter(test.inapplicable for test in tests if test.inapplicable is not None)
    deviations = Counter((promise(test.name), test.deviation) for test in tests if test.deviation is not None)
    counts = [f"{sum(test.passed for test in tests)} passed"]
    counts += [f"{broken.total()} failed"] if broken else []
    counts += [f"{inapplicable.total()} not applicable"] if inapplicable else []
    counts += [f"{deviations.total()} deviation{'' if deviations.total() == 1 else 's'}"]
    subject = f"{suite.label} ({suite.class_name})" if ambiguous else suite.label
    yield f"{suite.kit} conformance, API {PLUGIN_API}: {subject} {', '.join(counts)}"
    yield from (f"    broken promise: {each}{_cases(number)}" for each, number in sorted(broken.items()))
    yield from (f"    not applicable to {number}: {fact}" for fact, number in inapplicable.most_common())
    for (each, reason), number in sorted(deviations.items()):
        yield f"    deviation: {each}{_cases(number)}: {reason}"
    yield from (line for test in tests for cost in test.costs for line in _cost_lines(cost))
    yield _time(tests)


def _cost_lines(cost: str) -> Iterator[str]:
    ratio, _, what = cost.partition(" ")
    yield f"    cost: {what}: {ratio} times as long"
    if float(ratio) > MOST_COST_RATIO:
        yield f"    warning: {what}: more than {MOST_COST_RATIO:g} times as long; it grows with what is not on the page"


def _time(tests: Sequence[_Test]) -> str:
    seconds = sum(test.seconds for test in tests)
    short = sum(test.seconds for test in tests if not test.is_long)
    return f"    time: {seconds:.1f} s, and {short:.1f} s of them without what is marked {LONG}"


def _cases(number: int) -> str:
    return f" ({number} cases)" if number > 1 else ""
