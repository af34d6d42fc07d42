"""Finding one run by what a person types: the start of an id, or a workflow (runs.md R12)."""

from __future__ import annotations

from collections.abc import Callable

from fabro_core.errors import InvalidRequest, NotFound
from fabro_core.models.ids import RunId
from fabro_core.store.base import RunStore
from fabro_core.store.records import RunIdQuery, StoredRun, WorkflowHit

_ID_LENGTH = 26


async def find_run(store: RunStore, selector: str) -> StoredRun:
    """The run that `selector` means among all stored runs, archived and removing ones included.

    Raises `InvalidRequest` for a blank selector or one that several ids start with, `NotFound` when nothing fits.
    """
    wanted = selector.strip()
    if not wanted:
        raise InvalidRequest("The selector is blank.")
    hit = await _by_id(store, wanted) or await _by_workflow(store, wanted)
    if hit is None:
        raise NotFound(f"No run matches {wanted!r}.")
    return hit


async def _by_id(store: RunStore, wanted: str) -> StoredRun | None:
    if len(wanted) > _ID_LENGTH or not (wanted.isascii() and wanted.isalnum()):
        return None
    found = await store.list_run_ids(RunIdQuery(prefix=wanted.upper(), limit=1))
    if found.has_more:
        raise InvalidRequest(f"Several runs have an id that starts with {wanted!r}.")
    return await store.get_run(found.ids[0]) if found.ids else None


async def _by_workflow(store: RunStore, wanted: str) -> StoredRun | None:
    spellings = [(spell, spell(wanted)) for spell in (str.casefold, _without_separators)]
    told = [(spell, spelled) for spell, spelled in spellings if spelled]
    matching = [
        hit.newest_run_id
        for hit in await store.list_workflows()
        if any(_names(hit, spell, spelled) for spell, spelled in told)
    ]
    return await store.get_run(RunId(max(matching))) if matching else None


def _names(workflow: WorkflowHit, spell: Callable[[str], str], wanted: str) -> bool:
    """Whether the slug equals `wanted` or the name contains it: in any letter case, with or without `-` and `_`."""
    return wanted == spell(workflow.slug or "") or wanted in spell(workflow.name or "")


def _without_separators(text: str) -> str:
    return text.casefold().replace("-", "").replace("_", "")
