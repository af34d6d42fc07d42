"""Settling settings and compiling workflows, once for many runs: most differ in a goal, a label or an input alone.

Both are pure functions. What is remembered is found by all that such a function was given, so nothing that changes
elsewhere can make it wrong. What raises is not remembered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from fabro_core.runs.create.manifest import ManifestDraft
from fabro_core.runs.create.remembered import Remembered, key_of
from fabro_core.runs.settings.settling import SettledSettings, settle_settings
from fabro_core.runs.settings.stored import StoredSettings
from fabro_core.runs.workflow.compile import CompiledWorkflow, compile_workflow
from fabro_core.runs.workflow.files import WorkflowFiles, found_in
from fabro_core.runs.workflow.texts import Names, is_plain

MAX_BYTES: Final = 2 * 1024 * 1024
"""Of JSON, for settings and for graphs; as objects they take several times as much."""


class PlanningWork:
    """Does what is the same for many runs, and remembers it for as long as there is room."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._settled: Remembered[SettledSettings] = Remembered(max_bytes)
        self._compiled: Remembered[CompiledWorkflow] = Remembered(max_bytes)

    def settle(self, draft: ManifestDraft, stored: StoredSettings, *, needs_goal: bool) -> SettledSettings:
        """As `settle_settings`, of a manifest."""
        files = draft.contents
        key = key_of(draft.settings_files, draft.manifest.args, stored, files, needs_goal)
        settled = self._settled.get(key)
        if settled is None:
            settled = settle_settings(draft.settings_files, draft.args, stored, files, needs_goal=needs_goal)
            self._settled.put(key, settled, len(msgspec.json.encode((settled.settings, settled.origins))))
        return settled

    def compile(
        self, path: str, source: str, contents: Mapping[str, str], names: Names, goal: str | None
    ) -> CompiledWorkflow:
        """As `compile_workflow`, of a workflow file with the files that came with it.

        Names go into templates alone, and so does a goal that is plain, but for becoming the graph's. Where no template
        was filled, what came out stands for all of them.
        """
        plain = goal if goal is not None and is_plain(goal) else None
        shared = key_of(path, source, contents, (goal,) if plain is None else None)
        known = self._compiled.get(shared)
        if known is not None:
            return known if plain is None else known.with_goal(plain)
        own = key_of(shared.hex(), names.inputs, names.variables, goal)
        known = self._compiled.get(own)
        if known is None:
            known = compile_workflow(WorkflowFiles(path, source, found_in(contents)), names, goal)
            size = len(msgspec.json.encode((known.graph, known.diagnostics)))
            self._compiled.put(own if known.fills_templates else shared, known, size)
        return known
