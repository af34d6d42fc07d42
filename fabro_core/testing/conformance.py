"""The rules of every conformance kit: who a suite speaks for, and how a promise may be left out.

A promise is one `test_*` method of a kit. It may not apply (the kit says so, with `not_applicable`), and an author may
deviate from it (`@deviates`); nothing else takes it out of the suite, and both are counted and printed by
`fabro_core.testing.pytest_plugin`. Knows nothing of stores or auth methods.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final, NoReturn, TypeVar

import pytest

KIT_PACKAGE: Final = "fabro_core.testing."
"""Classes below it are the kit; classes elsewhere are an author's suite."""

DEVIATION: Final = "fabro_deviation"
"""Attribute of an overriding test, with the reason; the property of its report has the same name."""

SUBJECT: Final = "fabro_subject"
"""Property of a report: the name of what was tested, such as `sqlite`."""

NOT_APPLICABLE: Final = "not applicable: "
"""How the reason of a skip begins that the kit itself has decided."""

LONG: Final = "fabro_long"
"""The mark of the tests that take most of a kit's time: `-m "not fabro_long"` leaves them out."""

COST: Final = "fabro_cost"
"""Property of a report: what something costs among many, as a ratio to what it costs among few, and what it is."""

Test = TypeVar("Test", bound=Callable[..., Any])

takes_long: Final = pytest.mark.fabro_long
"""Marks a test of a kit with `LONG`."""


def deviates(reason: str) -> Callable[[Test], Test]:
    """Mark a method that overrides a test of the kit: the promise is not kept, for `reason`, and everybody sees it."""
    if not reason.strip():
        raise ValueError("deviates() needs the reason for the deviation")

    def mark(test: Test) -> Test:
        setattr(test, DEVIATION, reason)
        return test

    return mark


def not_applicable(fact: str) -> NoReturn:
    """End the current test: `fact`, which the subject has stated about itself, leaves nothing to test."""
    pytest.skip(f"{NOT_APPLICABLE}{fact}")


def name_subject(request: pytest.FixtureRequest, name: str) -> None:
    """Note for the summary what the current test tests, such as `sqlite`."""
    # Not record_property: it warns when the author's run also writes a JUnit report.
    request.node.user_properties.append((SUBJECT, name))


def note_cost(request: pytest.FixtureRequest, what: str, ratio: float) -> None:
    """Note for the summary how many times as long something takes among many as among few."""
    request.node.user_properties.append((COST, f"{ratio:.1f} {what}"))


class ConformanceSuite:
    """Base of the kits' classes. Defining a class that overrides a promise silently is a `TypeError`."""

    conformance_kit: ClassVar[str]
    """What the kit tests: `store`, `auth` or `responder`."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if not is_kit(cls):
            faults = [fault for name in sorted(dir(cls)) for fault in _faults(cls, name)]
            if faults:
                raise TypeError("\n".join(faults))


def is_kit(cls: type) -> bool:
    """Whether the class is one of ours, not an author's."""
    return cls.__module__.startswith(KIT_PACKAGE)


def is_promise(cls: type, name: str) -> bool:
    """Whether the kit that `cls` inherits has a test of this name."""
    return name.startswith("test_") and any(is_kit(base) and name in vars(base) for base in cls.__mro__)


def promise(name: str) -> str:
    """A test's name as a sentence: `test_an_append_is_announced` is `an append is announced`. Leaves parameters out."""
    return name.removeprefix("test_").partition("[")[0].replace("_", " ")


def _faults(cls: type, name: str) -> list[str]:
    home = next(base for base in cls.__mro__ if name in vars(base))
    if is_kit(home):
        return []
    reason = getattr(vars(home)[name], DEVIATION, None)
    if is_promise(cls, name) and reason is None:
        return [
            f'{cls.__qualname__}.{name} overrides a test of the conformance kit, so "{promise(name)}" is no longer '
            f'checked; remove it, or mark it with @deviates("the reason") to have the deviation counted'
        ]
    if not is_promise(cls, name) and reason is not None:
        return [f"{cls.__qualname__}.{name} is marked with @deviates, but the kit has no test of this name"]
    return []
