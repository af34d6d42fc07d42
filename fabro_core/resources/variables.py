"""Variables: values that manifests refer to by name, as `{{ vars.NAME }}` (resources.md X7)."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from fabro_core.clock import Clock
from fabro_core.documents.collection import Decide, Documents
from fabro_core.errors import NotFound
from fabro_core.models.ids import VariableName
from fabro_core.models.instant import Instant, format_instant
from fabro_core.store.base import RunStore


class VariableValue(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody sets. A description that is left out stays as it is."""

    value: str
    """May be empty."""
    description: str | UnsetType = UNSET


class Variable(VariableValue, frozen=True, kw_only=True):
    """As it is kept and shown."""

    name: VariableName
    created_at: Instant
    updated_at: Instant


class Variables:
    """The variables of a server. Every method raises `StoreUnavailable`."""

    def __init__(self, store: RunStore, clock: Clock) -> None:
        self._clock = clock
        self._kept = Documents(store, clock, "variables", Variable)

    async def all(self) -> list[Variable]:
        """All of them, by name."""
        return [stored.body async for stored in self._kept.walk()]

    async def get(self, name: VariableName) -> Variable:
        """Raises `NotFound`."""
        stored = await self._kept.get(name)
        if stored is None:
            raise _unknown(name)
        return stored.body

    async def put(self, name: VariableName, value: VariableValue) -> Variable:
        """Set a variable, which is created if there is none."""
        return await self._kept.update(name, self._set(name, value, creates=True))

    async def change(self, name: VariableName, value: VariableValue) -> Variable:
        """Set a variable that is there. Raises `NotFound`."""
        return await self._kept.update(name, self._set(name, value, creates=False))

    async def delete(self, name: VariableName) -> None:
        """Raises `NotFound`."""
        if not await self._kept.delete(name):
            raise _unknown(name)

    def _set(self, name: VariableName, value: VariableValue, *, creates: bool) -> Decide[Variable]:
        async def decide(before: Variable | None) -> Variable:
            now = format_instant(self._clock.now())
            if before is None and not creates:
                raise _unknown(name)
            kept = before or Variable(name=name, value="", created_at=now, updated_at=now)
            description = kept.description if value.description is UNSET else value.description
            return replace(kept, value=value.value, description=description, updated_at=now)

        return decide


def _unknown(name: VariableName) -> NotFound:
    return NotFound(f"Variable {name} not found.")
