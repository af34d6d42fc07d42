"""Plans runs: the one way from a manifest to what is created, validated or checked before a flight (runs.md R8.2).

Nothing here is written. The steps are in `fabro_core.runs.create.manifest` and `fabro_core.runs.create.plan`; this puts
them in their order, beside the event loop, and reads what the server keeps between them.

The compiler, the templates and the settings of workflows are a quarter of the core. They are loaded with the first
manifest, beside the event loop: a server need not wait for them to answer.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from fabro_core.runs.off_loop import ON_LOOP_MAX_BYTES, OffLoop
from fabro_core.runs.settings.stored import ReadStoredSettings

if TYPE_CHECKING:
    from fabro_core.runs.create.plan import Judgement, RunDraft, RunPlan
    from fabro_core.runs.create.steps import Steps


class Planner:
    """Reads manifests, settles their settings, compiles their graphs and says what is wrong with them.

    Every method raises `InvalidRequest` for what a client has to mend, and `Overloaded` when it takes too long.
    """

    def __init__(self, off_loop: OffLoop, read_stored: ReadStoredSettings) -> None:
        self._off_loop = off_loop
        self._read_stored = read_stored
        self._steps: Steps | None = None

    async def draft(self, manifest: bytes) -> RunDraft:
        """The manifest with its settings (steps 1 to 5). Raises `StoreUnavailable`, too."""
        steps, size = await self._loaded(), len(manifest)
        read = await self._off_loop.run(partial(steps.read, manifest), size=size)
        stored = await self._read_stored()
        return await self._off_loop.run(partial(steps.settle, read, stored), size=size)

    async def judge(self, manifest: bytes) -> Judgement:
        """The compiled graph and every rule that it breaks, for those who ask before they create."""
        draft = await self.draft(manifest)
        return await self._off_loop.run(partial((await self._loaded()).judge, draft), size=draft.size)

    async def plan(self, draft: RunDraft) -> RunPlan:
        """What is to be written (step 8). Raises `InvalidRequest` for a rule of severity error as well."""
        return await self._off_loop.run(partial((await self._loaded()).plan, draft), size=draft.size)

    async def _loaded(self) -> Steps:
        steps = self._steps
        if steps is None:
            self._steps = steps = await self._off_loop.run(_load, size=ON_LOOP_MAX_BYTES + 1)
        return steps


def _load() -> Steps:
    from fabro_core.runs.create.steps import Steps

    return Steps()
