"""From layers to the settings of a run: merged, resolved, filled with variables (run-settings.md T1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace

from fabro_core.models.run_settings import RunGoalInline, WorkflowSettings
from fabro_core.models.setting_origins import SettingOrigin, SettingsLayer
from fabro_core.runs.settings.arguments import Arguments
from fabro_core.runs.settings.defaults import mentionable_paths
from fabro_core.runs.settings.environments import built_in_layer, stored_layer
from fabro_core.runs.settings.faults import Fault, RefusedSettings, dotted
from fabro_core.runs.settings.layers import LayerSource
from fabro_core.runs.settings.merging import merge_layers
from fabro_core.runs.settings.model import SettingsFile
from fabro_core.runs.settings.origins import Origins
from fabro_core.runs.settings.reading import read_layers
from fabro_core.runs.settings.resolving import ENVIRONMENT, GOAL, Files, Resolved, Resolver, check_globs
from fabro_core.runs.settings.snapshot import snapshot
from fabro_core.runs.settings.stored import StoredSettings
from fabro_core.runs.settings.toml_places import Path
from fabro_core.runs.settings.variables import Interpolation


class SettledSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a run, and who said what."""

    settings: WorkflowSettings
    """Without a goal: what it comes to is known when the graph is."""
    goal: str | None
    """What the settings want for a goal, a template; None: they want none, or the manifest has its own."""
    origins: Mapping[str, SettingOrigin]
    """By the name of the setting in files."""

    def with_goal(self, goal: str, *, graph_path: str) -> SettledSettings:
        """With the finished goal; one that no layer has is the graph's own."""
        run = replace(self.settings.run, goal=RunGoalInline(value=goal) if goal else None)
        origin = self.origins[dotted(GOAL)]
        if goal and origin.layer is SettingsLayer.DEFAULT:
            origin = SettingOrigin(layer=SettingsLayer.WORKFLOW, path=graph_path)
        return replace(self, settings=replace(self.settings, run=run), origins={**self.origins, dotted(GOAL): origin})


def settle_settings(
    sources: Sequence[LayerSource], arguments: Arguments, stored: StoredSettings, files: Files, *, needs_goal: bool
) -> SettledSettings:
    """The settings that these files and options amount to.

    `needs_goal` is False when the manifest has a goal of its own. Raises `RefusedSettings` with every fault: those of
    all files when one cannot be read, else those of the merged settings.
    """
    layers = [built_in_layer(), stored_layer(stored.environments), *read_layers(sources), arguments.layer]
    origins = Origins()
    merged = _with_inputs(merge_layers(layers, origins), arguments, origins)
    faults: list[Fault] = []

    def report(path: Path, reason: str) -> None:
        faults.append(origins.fault(path, reason))

    resolver = Resolver(origins, files, report)
    resolved = resolver.resolve(merged, stored.mcp_servers, needs_goal=needs_goal)
    interpolation = Interpolation(stored.variables, report)
    if needs_goal and isinstance(merged.run.goal, str):
        interpolation.check(merged.run.goal, GOAL)
    resolved = _interpolated(resolved, interpolation)
    if not faults:
        check_globs(resolved.run.artifacts, report)
    if faults:
        raise RefusedSettings(faults)
    if not needs_goal:
        origins.speak(arguments.layer, GOAL, GOAL)
    paths = (*mentionable_paths(merged), (*ENVIRONMENT, "provider"))
    return SettledSettings(
        settings=snapshot(resolved, stored.environments), goal=resolved.goal, origins=origins.shown(paths)
    )


def _with_inputs(merged: SettingsFile, arguments: Arguments, origins: Origins) -> SettingsFile:
    """Options are laid over the inputs of the files one by one (run-settings.md T5)."""
    if not arguments.inputs:
        return merged
    inputs = merged.run.inputs or {}
    for key in arguments.inputs:
        path = ("run", "inputs", key)
        origins.speak(arguments.layer, path, path, overruling=origins.of(path) if key in inputs else None)
    return replace(merged, run=replace(merged.run, inputs={**inputs, **arguments.inputs}))


def _interpolated(resolved: Resolved, interpolation: Interpolation) -> Resolved:
    return replace(
        resolved,
        run=interpolation.table(resolved.run, ("run",)),
        environment=interpolation.table(resolved.environment, ENVIRONMENT),
    )
