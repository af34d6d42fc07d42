"""The files that a run changed (events.md E15), as far as its log tells: from the patch that its conclusion holds.

What only the sandbox of a run knows, such as its commits, needs a driver that reaches it, which this server has not.
"""

from __future__ import annotations

from functools import partial
from typing import Final, Never

import msgspec

from fabro_core.errors import Conflict, IntegrationUnavailable, NotFound
from fabro_core.models.events import RunEvent
from fabro_core.models.ids import RunId
from fabro_core.runs.fold.projection import Projection
from fabro_core.runs.log.log import RunLog
from fabro_core.runs.log.reading import read_event
from fabro_core.runs.off_loop import OffLoop
from fabro_core.runs.views.patches import FilePatch, file_patches
from fabro_core.store.base import RunStore


class ChangedFiles(msgspec.Struct, frozen=True):
    files: list[FilePatch]
    sandbox_gone: bool
    """They are what the sandbox left when the run ended, because it is out of reach now."""


NOTHING_BEGUN: Final = ChangedFiles([], sandbox_gone=False)


class _Conclusion(msgspec.Struct, frozen=True):
    final_patch: str | None = None


class RunFiles:
    """The files of one store's runs. Every method raises `NotFound` for an unknown run, and `StoreUnavailable`."""

    def __init__(self, store: RunStore, log: RunLog, off_loop: OffLoop) -> None:
        self._store = store
        self._log = log
        self._off_loop = off_loop

    async def changed(self, run_id: RunId) -> ChangedFiles:
        """What differs from the commit that the run began with; nothing while it has not told one.

        Raises `NotFound` also for a run that has neither a final patch nor ever had a sandbox, and `Overloaded` when
        its patch takes too long.
        """
        run = await self._projection(run_id)
        if _base_sha(run) is None:
            return NOTHING_BEGUN
        patch = await self._final_patch(run)
        if patch is None and not _had_sandbox(run):
            raise NotFound(f"Run {run_id} has never had a sandbox.")
        files = await self._off_loop.run(partial(file_patches, patch), size=len(patch)) if patch else []
        return ChangedFiles(files, sandbox_gone=True)

    async def commits(self, run_id: RunId) -> Never:
        """Raises `Conflict` for a run without a first commit or a sandbox, else `IntegrationUnavailable`."""
        run = await self._projection(run_id)
        if _base_sha(run) is None:
            raise Conflict("The run has not told the commit that it began with.")
        if not _had_sandbox(run):
            raise Conflict("The run has no sandbox.")
        raise IntegrationUnavailable("No sandbox driver is installed that could reach the sandbox of the run.")

    async def _projection(self, run_id: RunId) -> Projection:
        return msgspec.json.decode((await self._log.get(run_id)).state, type=Projection)

    async def _final_patch(self, run: Projection) -> str | None:
        if run.concluded_seq is None:
            return None
        event = msgspec.json.decode(await read_event(self._store, run.id, run.concluded_seq), type=RunEvent)
        return msgspec.json.decode(event.properties, type=_Conclusion).final_patch


def _base_sha(run: Projection) -> str | None:
    return None if run.start is None else run.start.base_sha


def _had_sandbox(run: Projection) -> bool:
    return run.sandbox is not None and run.sandbox.instance is not None
