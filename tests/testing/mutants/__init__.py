"""Stores with one bug each. What the bug breaks stands with it: a promise, and the class of the kit that asks for it.

Every module here has those of one subject; a class marked with `breaks` in any of them is a mutant, listed nowhere
else. `tests.testing.mutant_suites` asks the kit about them, `test_store_kit` expects that it finds each.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, TypeVar

from fabro_core.store.base import RunStore
from fabro_core.testing.store import StoreCase

_BUG: Final = "_bug"

Store = TypeVar("Store", bound=type[RunStore])


@dataclass(frozen=True, slots=True)
class Mutant:
    """A sound store with one bug."""

    store: type[RunStore]
    promise: str
    """Words of a failure that the bug must lead to: of its message, or of a test's name as a sentence."""
    found_by: type[StoreCase]
    """The class of the kit one of whose tests must fail so."""

    @property
    def name(self) -> str:
        return self.store.__name__


def breaks(promise: str, *, found_by: type[StoreCase]) -> Callable[[Store], Store]:
    """Mark a store as a mutant. Its own class alone: what is derived from it has another bug."""

    def mark(store: Store) -> Store:
        setattr(store, _BUG, Mutant(store, promise, found_by))
        return store

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
    return [vars(store)[_BUG] for store in here if _BUG in vars(store)]
