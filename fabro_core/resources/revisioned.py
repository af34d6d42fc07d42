"""Documents with a revision: a change names the one that it is for, and of two at once one is refused
(resources.md X5)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from fabro_core.documents.collection import DELETE, Documents, Verdict
from fabro_core.errors import Conflict, NotFound


class Revisioned(Protocol):
    """What is shown of one: its definition, and what that is named and told apart by."""

    @property
    def id(self) -> str:
        """Never changes."""

    @property
    def revision(self) -> str:
        """Changes exactly when the definition does; see `revision_of`."""


class Closed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what has these members and no other. Rules that its types do not tell are checked when it is decoded, and
    broken ones are faults of the schema as others are."""


Shown = TypeVar("Shown", bound=Revisioned)


class Kept(msgspec.Struct, Generic[Shown], frozen=True, kw_only=True):
    """A document as it is stored; what must not be shown stands beside what is."""

    shown: Shown


def revision_of(definition: Any) -> str:
    """The SHA-256 of a definition, which has no revision itself, as canonical JSON."""
    return hashlib.sha256(msgspec.json.encode(definition, order="sorted")).hexdigest()


def defined(kind: type[msgspec.Struct], id_: str, definition: msgspec.Struct) -> dict[str, Any]:
    """The id, the revision, and the members of a definition that are those of `kind`."""
    members = {"id": id_, **{name: getattr(definition, name) for name in kind.__struct_fields__}}
    return {**members, "revision": revision_of(members)}


class RevisionedDocuments(Generic[Shown]):
    """One collection of them. Every method raises `StoreUnavailable`, and those that write `Contended`.

    They are decided where the store compares and sets: whoever changes what another has changed meanwhile is refused.
    """

    def __init__(self, kept: Documents[Any], noun: str, *, built_in: Sequence[Shown] = ()) -> None:
        """The bodies of `kept` are a `Kept[Shown]` each, or more. `noun` names one of them in refusals. `built_in` are
        there as long as nothing stored stands in their place; they cannot be deleted."""
        self._kept = kept
        self._noun = noun
        self._built_in = {each.id: each for each in built_in}

    async def all(self) -> list[Shown]:
        """All of them, by id."""
        stored = {each.id: each for each in await self.stored()}
        return [each for _, each in sorted((self._built_in | stored).items())]

    async def stored(self) -> list[Shown]:
        """Those that somebody has set, by id."""
        return [each.body.shown async for each in self._kept.walk()]

    async def get(self, id_: str) -> Shown:
        """Raises `NotFound`."""
        stored = await self._kept.get(id_)
        return self._required(id_, None if stored is None else stored.body)

    async def create(self, document: Kept[Shown]) -> Shown:
        """Raises `Conflict` when there is one with this id."""
        id_ = document.shown.id

        async def decide(before: Kept[Shown] | None) -> Kept[Shown]:
            if before is not None or id_ in self._built_in:
                raise Conflict(f"{self._noun} {id_} exists already.")
            return document

        written: Kept[Shown] = await self._kept.update(id_, decide)
        return written.shown

    async def replace(self, document: Kept[Shown], revision: str) -> Shown:
        """Put it in the place of the one with this revision. Raises `NotFound`, or `Conflict` when there is another."""

        async def decide(before: Kept[Shown] | None) -> Kept[Shown]:
            self._check(document.shown.id, before, revision)
            return document

        written: Kept[Shown] = await self._kept.update(document.shown.id, decide)
        return written.shown

    async def delete(self, id_: str, revision: str) -> None:
        """Delete the one with this revision. Raises `NotFound`, or `Conflict` when there is another, or when it is one
        of those that there always are."""

        async def decide(before: Kept[Shown] | None) -> Verdict:
            self._check(id_, before, revision)
            if id_ in self._built_in:
                raise Conflict(f"{self._noun} {id_} cannot be deleted.")
            return DELETE

        await self._kept.update(id_, decide)

    def _check(self, id_: str, before: Kept[Shown] | None, revision: str) -> None:
        if self._required(id_, before).revision != revision:
            raise Conflict(f"{self._noun} {id_} has another revision by now.")

    def _required(self, id_: str, stored: Kept[Shown] | None) -> Shown:
        found = self._built_in.get(id_) if stored is None else stored.shown
        if found is None:
            raise NotFound(f"{self._noun} {id_} not found.")
        return found
