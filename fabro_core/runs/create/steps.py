"""The steps of planning, all that they need with them: what a server loads when the first manifest comes."""

from __future__ import annotations

from fabro_core.runs.create.manifest import ManifestDraft, read_manifest
from fabro_core.runs.create.plan import Judgement, RunDraft, RunPlan, judge, plan_run, settle
from fabro_core.runs.create.work import PlanningWork
from fabro_core.runs.settings.stored import StoredSettings


class Steps:
    """Those of runs.md R8.2, with what they remember for the next run."""

    def __init__(self) -> None:
        self._work = PlanningWork()

    def read(self, manifest: bytes) -> ManifestDraft:
        return read_manifest(manifest)

    def settle(self, read: ManifestDraft, stored: StoredSettings) -> RunDraft:
        return settle(read, stored, self._work)

    def judge(self, draft: RunDraft) -> Judgement:
        return judge(draft, self._work)

    def plan(self, draft: RunDraft) -> RunPlan:
        return plan_run(draft, self._work)
