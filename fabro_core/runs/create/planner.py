"""Plans runs: the one way from a manifest to what is created, validated or checked before a flight (runs.md R8.2).

Nothing here is written. The steps are in `fabro_core.runs.create.manifest` and `fabro_core.runs.create.plan`; this puts
them in their order, beside the event loop, and reads what the server keeps between them.
"""

from __future__ import annotations

from functools import partial

from fabro_core.runs.create.manifest import read_manifest
from fabro_core.runs.create.plan import Judgement, RunDraft, RunPlan, judge, plan_run, settle
from fabro_core.runs.create.work import PlanningWork
from fabro_core.runs.off_loop import OffLoop
from fabro_core.runs.settings.stored import ReadStoredSettings


class Planner:
    """Reads manifests, settles their settings, compiles their graphs and says what is wrong with them.

    Every method raises `InvalidRequest` for what a client has to mend, and `Overloaded` when it takes too long.
    """

    def __init__(self, off_loop: OffLoop, read_stored: ReadStoredSettings) -> None:
        self._off_loop = off_loop
        self._read_stored = read_stored
        self._work = PlanningWork()

    async def draft(self, manifest: bytes) -> RunDraft:
        """The manifest with its settings (steps 1 to 5). Raises `StoreUnavailable`, too."""
        size = len(manifest)
        read = await self._off_loop.run(partial(read_manifest, manifest), size=size)
        stored = await self._read_stored()
        return await self._off_loop.run(partial(settle, read, stored, self._work), size=size)

    async def judge(self, manifest: bytes) -> Judgement:
        """The compiled graph and every rule that it breaks, for those who ask before they create."""
        draft = await self.draft(manifest)
        return await self._off_loop.run(partial(judge, draft, self._work), size=draft.size)

    async def plan(self, draft: RunDraft) -> RunPlan:
        """What is to be written (step 8). Raises `InvalidRequest` for a rule of severity error as well."""
        return await self._off_loop.run(partial(plan_run, draft, self._work), size=draft.size)
