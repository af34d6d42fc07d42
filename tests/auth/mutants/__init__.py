"""Auth methods with one bug each. What the bug breaks stands with it: a promise, and the class of the kit that asks for
it.

Every module here has those of one subject; a class marked with `breaks` in any of them is a mutant, listed nowhere
else. `tests.auth.mutant_suites` asks the kit about them, `test_auth_kit` expects that it finds each.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, TypeVar

from fabro_core.auth.base import AuthMethod
from fabro_core.testing.auth import AuthCase

_BUG: Final = "_bug"

Method = TypeVar("Method", bound=type[AuthMethod])


@dataclass(frozen=True, slots=True)
class Mutant:
    """A sound method with one bug."""

    method: type[AuthMethod]
    promise: str
    """Words of a failure that the bug must lead to: of its message, or of a test's name as a sentence."""
    found_by: type[AuthCase]
    """The class of the kit one of whose tests must fail so."""

    @property
    def name(self) -> str:
        return self.method.__name__


def breaks(promise: str, *, found_by: type[AuthCase]) -> Callable[[Method], Method]:
    """Mark a method as a mutant. Its own class alone: what is derived from it has another bug."""

    def mark(method: Method) -> Method:
        setattr(method, _BUG, Mutant(method, promise, found_by))
        return method

    return mark


def all_mutants() -> list[Mutant]:
    """The mutants of every module beside this one, in the order of their names."""
    names = [module.name for module in pkgutil.iter_modules(__path__, f"{__name__}.")]
    found = [mutant for name in names for mutant in _mutants_of(vars(import_module(name)))]
    found.sort(key=lambda mutant: mutant.name)
    doubles = {mutant.name for mutant in found if sum(mutant.name == other.name for other in found) > 1}
    if doubles:
        raise ValueError(f"two mutants have one name: {', '.join(sorted(doubles))}")
    return found


def _mutants_of(module: dict[str, Any]) -> list[Mutant]:
    here = [value for value in module.values() if isinstance(value, type) and value.__module__ == module["__name__"]]
    return [vars(method)[_BUG] for method in here if _BUG in vars(method)]
