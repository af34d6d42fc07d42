"""What marks a plugin with one bug, and finds those that are marked.

What the bug breaks stands with it: a promise, and the class of the kit that asks for it.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any, Final, TypeVar

_BUG: Final = "_bug"

Marked = TypeVar("Marked", bound=type)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A sound plugin with one bug."""

    plugin: type[Any]
    promise: str
    """Words of a failure that the bug must lead to: of its message, or of a test's name as a sentence."""
    found_by: type
    """The class of the kit one of whose tests must fail so."""

    @property
    def name(self) -> str:
        return self.plugin.__name__


def breaks(promise: str, *, found_by: type) -> Callable[[Marked], Marked]:
    """Mark a class as a mutant. Itself alone: what is derived from it has another bug."""

    def mark(plugin: Marked) -> Marked:
        setattr(plugin, _BUG, Mutant(plugin, promise, found_by))
        return plugin

    return mark


def mutants_of(package: ModuleType) -> list[Mutant]:
    """The mutants of every module of a package, in the order of their names."""
    names = [module.name for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")]
    found = [mutant for name in names for mutant in _marked(vars(import_module(name)))]
    found.sort(key=lambda mutant: mutant.name)
    doubles = {mutant.name for mutant in found if sum(mutant.name == other.name for other in found) > 1}
    if doubles:
        raise ValueError(f"two mutants have one name: {', '.join(sorted(doubles))}")
    return found


def _marked(module: dict[str, Any]) -> list[Mutant]:
    here = [value for value in module.values() if isinstance(value, type) and value.__module__ == module["__name__"]]
    return [vars(plugin)[_BUG] for plugin in here if _BUG in vars(plugin)]
