"""Texts that are taken for one another, or for something else than texts."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from msgspec.structs import replace

from examples.stores.dict_store import DictStore
from fabro_core.store import records
from fabro_core.testing.store.texts import TextConformance
from tests.testing.bugs import breaks

Change = Callable[[str], str]


def composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def first_255(text: str) -> str:
    return text[:255]


# -- documents ---------------------------------------------------------------------------------------------------------


class _Places(dict[tuple[str, str], Any]):
    """Documents by places that are changed on their way in, so that some become one."""

    def __init__(self, change: Callable[[tuple[str, str]], tuple[str, str]]) -> None:
        super().__init__()
        self._change = change

    def __getitem__(self, place: tuple[str, str]) -> Any:
        return super().__getitem__(self._change(place))

    def __setitem__(self, place: tuple[str, str], doc: Any) -> None:
        super().__setitem__(self._change(place), doc)

    def __delitem__(self, place: tuple[str, str]) -> None:
        super().__delitem__(self._change(place))

    def __contains__(self, place: object) -> bool:
        return isinstance(place, tuple) and super().__contains__(self._change(place))

    def get(self, place: tuple[str, str], default: Any = None) -> Any:
        return super().get(self._change(place), default)


class _ChangedKeys(DictStore):
    def __init__(self) -> None:
        super().__init__()
        self._docs = _Places(lambda place: (place[0], self.changed(place[1])))

    def changed(self, key: str) -> str:
        raise NotImplementedError


@breaks("keys of documents are told apart", found_by=TextConformance)
class FoldedKeys(_ChangedKeys):
    """Has a collation without regard to case."""

    def changed(self, key: str) -> str:
        return key.lower()


@breaks("keys of documents are told apart", found_by=TextConformance)
class PaddedKeys(_ChangedKeys):
    """Compares as if the shorter text had blanks at its end."""

    def changed(self, key: str) -> str:
        return key.rstrip(" ")


@breaks("keys of documents are told apart", found_by=TextConformance)
class ComposedKeys(_ChangedKeys):
    """Has a file system that normalises names."""

    def changed(self, key: str) -> str:
        return composed(key)


@breaks("keys of documents are told apart", found_by=TextConformance)
class KeysOf255(_ChangedKeys):
    """Has a column of 255 characters."""

    def changed(self, key: str) -> str:
        return first_255(key)


@breaks("every character is kept", found_by=TextConformance)
class KnownCharacters(_ChangedKeys):
    """Drops characters that its own table of Unicode does not have."""

    async def put_doc(self, write: records.DocWrite, /) -> records.Doc:
        return await super().put_doc(replace(write, key=self.changed(write.key)))

    def changed(self, key: str) -> str:
        return "".join(each for each in key if unicodedata.category(each) != "Cn")


@breaks("is a place of its own", found_by=TextConformance)
class JoinedPlaces(DictStore):
    """Makes one key of collection and key."""

    def __init__(self) -> None:
        super().__init__()
        self._docs = _Places(lambda place: ("", f"{place[0]}:{place[1]}"))

    async def list_docs(self, query: records.DocQuery, /) -> records.DocPage:
        docs = sorted((doc for doc in self._docs.values() if doc.collection == query.collection), key=lambda d: d.key)
        return records.DocPage(docs=tuple(docs[: query.limit]), has_more=len(docs) > query.limit)


@breaks("has its own documents", found_by=TextConformance)
class CollectionsThatBeginAlike(DictStore):
    """Scans a collection by what its keys begin with."""

    async def list_docs(self, query: records.DocQuery, /) -> records.DocPage:
        found = [
            replace(doc, collection=query.collection)
            for doc in self._docs.values()
            if f"{doc.collection}/{doc.key}".startswith(f"{query.collection}/")
        ]
        whole = [
            doc
            for doc in sorted(found, key=lambda doc: doc.key)
            if query.after_key is None or doc.key > query.after_key
            if query.owner in (None, doc.owner)
        ]
        return records.DocPage(docs=tuple(whole[: query.limit]), has_more=len(whole) > query.limit)


@breaks("collections are told apart", found_by=TextConformance)
class FoldedCollections(DictStore):
    """Has a table for each collection, whose names have no case."""

    def __init__(self) -> None:
        super().__init__()
        self._docs = _Places(lambda place: (place[0].casefold(), place[1]))


class _ChosenOwners(DictStore):
    async def list_docs(self, query: records.DocQuery, /) -> records.DocPage:
        everything = await super().list_docs(replace(query, owner=None, limit=10_000))
        docs = [doc for doc in everything.docs if query.owner is None or self.owns(query.owner, doc.owner)]
        return records.DocPage(docs=tuple(docs[: query.limit]), has_more=len(docs) > query.limit)

    def owns(self, asked: str, owner: str | None) -> bool:
        raise NotImplementedError


@breaks("owners are told apart", found_by=TextConformance)
class FoldedOwners(_ChosenOwners):
    """Compares owners without regard to case."""

    def owns(self, asked: str, owner: str | None) -> bool:
        return owner is not None and asked.casefold() == owner.casefold()


@breaks("owners are told apart", found_by=TextConformance)
class OwnersByPattern(_ChosenOwners):
    """Takes an owner for a pattern."""

    def owns(self, asked: str, owner: str | None) -> bool:
        return owner is not None and fnmatchcase(owner, asked)


@breaks("owners are told apart", found_by=TextConformance)
class NobodyIsEmpty(_ChosenOwners):
    """Keeps the empty text for nobody."""

    def owns(self, asked: str, owner: str | None) -> bool:
        return asked == (owner or "")


@breaks("in order of code points", found_by=TextConformance)
class KeysInSixteenBits(DictStore):
    """Orders by UTF-16."""

    async def list_docs(self, query: records.DocQuery, /) -> records.DocPage:
        page = await super().list_docs(replace(query, limit=10_000))
        docs = sorted(page.docs, key=lambda doc: doc.key.encode("utf-16-be"))
        return records.DocPage(docs=tuple(docs[: query.limit]), has_more=len(docs) > query.limit)


# -- logs --------------------------------------------------------------------------------------------------------------


class _ChosenTags(DictStore):
    async def read(self, query: records.EventQuery, /) -> records.EventPage:
        if query.tag is None:
            return await super().read(query)
        page = await super().read(replace(query, tag=None, limit=10_000))
        found = [each for each in page.events if self.has(each.tags, query.tag)]
        return records.EventPage(events=tuple(found[: query.limit]), has_more=len(found) > query.limit)

    def has(self, tags: tuple[str, ...], asked: str) -> bool:
        raise NotImplementedError


@breaks("tags are told apart", found_by=TextConformance)
class FoldedTags(_ChosenTags):
    """Compares tags without regard to case."""

    def has(self, tags: tuple[str, ...], asked: str) -> bool:
        return asked.lower() in [tag.lower() for tag in tags]


@breaks("tags are told apart", found_by=TextConformance)
class TagsInOneText(_ChosenTags):
    """Keeps the tags of an event in one text, and looks into it."""

    def has(self, tags: tuple[str, ...], asked: str) -> bool:
        return asked in ",".join(tags)


@breaks("tags are told apart", found_by=TextConformance)
class TagsBetweenCommas(DictStore):
    """Keeps the tags of an event between commas."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        events = tuple(
            replace(event, tags=tuple(",".join(event.tags).split(",")) if event.tags else ()) for event in batch.events
        )
        return await super().append(replace(batch, events=events))


@breaks("kinds of events come back as given", found_by=TextConformance)
class TrimmedKinds(DictStore):
    """Trims the kind of an event."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        events = tuple(replace(event, kind=event.kind.strip()) for event in batch.events)
        return await super().append(replace(batch, events=events))
