"""Texts in lists that are taken for one another, or for something else than texts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence

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


# -- lists -------------------------------------------------------------------------------------------------------------


class _ChangedFacets(DictStore):
    async def append(self, batch: records.AppendBatch, /) -> int:
        facets = tuple(map(self.changed, batch.row.facets))
        return await super().append(replace(batch, row=replace(batch.row, facets=facets)))

    async def list_runs(self, query: records.RunQuery, /) -> records.RunPage:
        return await super().list_runs(replace(query, facets=tuple(map(self.changed, query.facets))))

    def changed(self, facet: str) -> str:
        raise NotImplementedError


@breaks("facets are told apart", found_by=TextConformance)
class FoldedFacets(_ChangedFacets):
    """Folds case that the core has left."""

    def changed(self, facet: str) -> str:
        return facet.casefold()


@breaks("facets are told apart", found_by=TextConformance)
class ComposedFacets(_ChangedFacets):
    """Normalises, as search engines do."""

    def changed(self, facet: str) -> str:
        return unicodedata.normalize("NFKC", facet)


@breaks("facets are told apart", found_by=TextConformance)
class FacetsOf1024(_ChangedFacets):
    """Has an index of the first 1,024 characters."""

    def changed(self, facet: str) -> str:
        return facet[:1_024]


@breaks("facets are told apart", found_by=TextConformance)
class TrimmedFacets(_ChangedFacets):
    """Trims."""

    def changed(self, facet: str) -> str:
        return facet.strip()


class _ChangedSortKeys(DictStore):
    """Orders by changed keys."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        columns = {name: self.changed(getattr(batch.row, name)) for name in ("repo_key", "title_key", "workflow_key")}
        return await super().append(replace(batch, row=replace(batch.row, **columns)))

    def changed(self, key: str) -> str:
        raise NotImplementedError


@breaks("texts are ordered by code point, to their last character", found_by=TextConformance)
class CollatedKeys(_ChangedSortKeys):
    """Orders as people do."""

    def changed(self, key: str) -> str:
        return unicodedata.normalize("NFD", key).casefold()


@breaks("texts are ordered by code point, to their last character", found_by=TextConformance)
class ShortSortKeys(_ChangedSortKeys):
    """Orders by the beginning."""

    def changed(self, key: str) -> str:
        return key[:256]


@breaks("texts are ordered by code point, to their last character", found_by=TextConformance)
class SortKeysInSixteenBits(_ChangedSortKeys):
    """Orders by UTF-16."""

    def changed(self, key: str) -> str:
        return key.encode("utf-16-be", "surrogatepass").decode("latin-1")


class _ChosenWords(DictStore):
    async def list_runs(self, query: records.RunQuery, /) -> records.RunPage:
        if not query.words:
            return await super().list_runs(query)
        page = await super().list_runs(replace(query, words=(), limit=10_000, offset=0))
        hits = [
            hit for hit in page.hits if all(self.occurs(word, self._rows[hit.id].title_text) for word in query.words)
        ]
        return records.RunPage(hits=tuple(hits[query.offset : query.offset + query.limit]), total=len(hits))

    def occurs(self, word: str, title: str) -> bool:
        raise NotImplementedError


@breaks("a word is found where it stands and nowhere else", found_by=TextConformance)
class WordsAsPatterns(_ChosenWords):
    """Puts a word between two `%`."""

    def occurs(self, word: str, title: str) -> bool:
        pattern = "".join(".*" if each == "%" else "." if each == "_" else re.escape(each) for each in word)
        return re.search(pattern, title, re.DOTALL) is not None


@breaks("a word is found where it stands and nowhere else", found_by=TextConformance)
class CaselessWords(_ChosenWords):
    """Looks for words as a search does that folds ASCII."""

    def occurs(self, word: str, title: str) -> bool:
        return word.lower() in title.lower()


@breaks("a word is found where it stands and nowhere else", found_by=TextConformance)
class ComposedWords(_ChosenWords):
    """Takes letters and their decomposed forms for one."""

    def occurs(self, word: str, title: str) -> bool:
        return composed(word) in composed(title)


@breaks("a word is found where it stands and nowhere else", found_by=TextConformance)
class WholeWords(_ChosenWords):
    """Has an index of words."""

    def occurs(self, word: str, title: str) -> bool:
        return word in re.findall(r"\w+", title)


# -- workflows, ids and parents ----------------------------------------------------------------------------------------


class _ChangedWorkflows(DictStore):
    async def list_workflows(self) -> Sequence[records.WorkflowHit]:
        newest: dict[object, records.WorkflowHit] = {}
        for hit in sorted(await super().list_workflows(), key=lambda hit: hit.newest_run_id):
            newest[self.changed(hit)] = hit
        return list(newest.values())

    def changed(self, hit: records.WorkflowHit) -> object:
        raise NotImplementedError


@breaks("each pair of slug and name is one of its own", found_by=TextConformance)
class EmptyWorkflows(_ChangedWorkflows):
    """Keeps the empty text for nothing."""

    def changed(self, hit: records.WorkflowHit) -> object:
        return hit.slug or "", hit.name or ""


@breaks("each pair of slug and name is one of its own", found_by=TextConformance)
class JoinedWorkflows(_ChangedWorkflows):
    """Makes one text of slug and name."""

    def changed(self, hit: records.WorkflowHit) -> object:
        return f"{hit.slug}\x1f{hit.name}"


@breaks("workflows are told apart", found_by=TextConformance)
class FoldedWorkflows(_ChangedWorkflows):
    """Groups without regard to case."""

    def changed(self, hit: records.WorkflowHit) -> object:
        return [each and each.lower() for each in (hit.slug, hit.name)].__repr__()


@breaks("no id begins with", found_by=TextConformance)
class PrefixAsPattern(DictStore):
    """Puts a `%` behind what ids begin with."""

    async def list_run_ids(self, query: records.RunIdQuery, /) -> records.RunIdPage:
        pattern = "".join(".*" if each == "%" else "." if each == "_" else re.escape(each) for each in query.prefix)
        ids = sorted(each for each in self._rows if re.match(pattern, each) and each > (query.after_id or ""))
        return records.RunIdPage(ids=tuple(ids[: query.limit]), has_more=len(ids) > query.limit)


@breaks("nothing comes after the greatest id", found_by=TextConformance)
class PrefixUpToZ(DictStore):
    """Looks from what ids begin with to the same and a Z."""

    async def list_run_ids(self, query: records.RunIdQuery, /) -> records.RunIdPage:
        first, last = query.prefix, f"{query.prefix}Z"
        ids = sorted(each for each in self._rows if first <= each <= last and each > (query.after_id or ""))
        return records.RunIdPage(ids=tuple(ids[: query.limit]), has_more=len(ids) > query.limit)


@breaks("children name their parent exactly", found_by=TextConformance)
class PaddedParents(DictStore):
    """Has parents in a column that is padded with blanks, and has no case."""

    def _hit(self, row: records.RunRow) -> records.RunHit:
        children = sum((other.parent_id or "").strip().upper() == row.id for other in self._rows.values())
        return replace(super()._hit(row), children_count=children)
