"""Reads the manifest of `POST /runs` (runs.md R8.1): its JSON, its types and what can be told from it alone.

These are steps 1 and 2 of R8.2. Later steps, and what the settings files in it say: `fabro_core.runs.create.plan`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec

from fabro_core.errors import InvalidRequest
from fabro_core.models.client_text import text_of
from fabro_core.models.manifest import (
    ManifestConfig,
    ManifestFileEntry,
    ManifestWorkflow,
    RunManifest,
)
from fabro_core.models.setting_origins import SettingsLayer
from fabro_core.models.type_faults import TypeFault, type_fault, type_fault_in
from fabro_core.runs.create.paths import normal_path, seen_from
from fabro_core.runs.paths import MAX_PATH_LENGTH, directory_of
from fabro_core.runs.settings.arguments import Arguments, read_arguments
from fabro_core.runs.settings.layers import LayerSource
from fabro_core.text import without_mark

MANIFEST_VERSION = 1

T = TypeVar("T")

_MANIFEST = msgspec.json.Decoder(RunManifest)


class ManifestDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A manifest that is sound in itself."""

    body: bytes
    """The manifest as it was sent."""
    manifest: RunManifest
    workflow_path: str
    """Of the target, in normal form."""
    workflows: dict[str, ManifestWorkflow]
    """By normal path; the paths of their files are normal too."""
    settings_files: tuple[LayerSource, ...]
    """Those that count, lowest first."""
    args: Arguments

    @property
    def target(self) -> ManifestWorkflow:
        """The workflow to be run."""
        return self.workflows[self.workflow_path]

    @property
    def contents(self) -> dict[str, str]:
        """The files that came with the target: texts by normal path."""
        return {path: without_mark(entry.content) for path, entry in (self.target.files or {}).items()}


def read_manifest(body: bytes) -> ManifestDraft:
    """The manifest in a request body. Raises `InvalidRequest` for the first fault, in the order of R8.2."""
    manifest = _decode(body)
    if manifest.version != MANIFEST_VERSION:
        raise InvalidRequest(f"version: must be {MANIFEST_VERSION}.")
    workflow_path = normal_path(manifest.target.path, "target.path")
    workflows = _normal_workflows(manifest.workflows)
    if workflow_path not in workflows:
        raise InvalidRequest(f"target.path: {_quoted(workflow_path)} is not among the workflows.")
    args = read_arguments(manifest.args)
    return ManifestDraft(
        body=body,
        manifest=manifest,
        workflow_path=workflow_path,
        workflows=workflows,
        settings_files=tuple(_settings_files(manifest, workflows[workflow_path])),
        args=args,
    )


# -- JSON and types ---------------------------------------------------------------------------------------------


def _decode(body: bytes) -> RunManifest:
    try:
        text = text_of(body)  # the decoder would not look into values that it skips
        return _MANIFEST.decode(text)
    except msgspec.ValidationError as error:
        raise InvalidRequest(_fault_in(text, error).line()) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidRequest("The request body is not valid JSON.") from None
    except RecursionError:
        raise InvalidRequest("The request body is nested too deeply.") from None


def _fault_in(text: str, error: msgspec.ValidationError) -> TypeFault:
    """The fault that the decoder stopped at, with the keys of maps.

    Nothing is known yet about the rest of the text; if that is no JSON, or hides the fault, the keys are not told.
    """
    try:
        return type_fault_in(msgspec.json.decode(text), RunManifest) or type_fault(error)
    except (msgspec.DecodeError, RecursionError):
        return type_fault(error)


# -- paths ------------------------------------------------------------------------------------------------------


def _normal_workflows(workflows: dict[str, ManifestWorkflow]) -> dict[str, ManifestWorkflow]:
    if not workflows:
        raise InvalidRequest("workflows: must not be empty.")
    return _normal_keys(workflows, "workflows", _normal_workflow)


def _normal_workflow(workflow: ManifestWorkflow, where: str) -> ManifestWorkflow:
    if workflow.config:
        normal_path(workflow.config.path, f"{where}.config.path")
    if not workflow.files:
        return workflow
    return msgspec.structs.replace(workflow, files=_normal_keys(workflow.files, f"{where}.files", _same_file))


def _same_file(entry: ManifestFileEntry, where: str) -> ManifestFileEntry:
    return entry


def _normal_keys(entries: dict[str, T], where: str, normal: Callable[[T, str], T]) -> dict[str, T]:
    """The map with its keys in normal form. Two keys with the same one are refused."""
    result: dict[str, T] = {}
    for key, entry in entries.items():
        place = f"{where}[{_quoted(key)}]"
        path = normal_path(key, place)
        if path in result:
            raise InvalidRequest(f"{place}: another key names the same file.")
        result[path] = normal(entry, place)
    return result


# -- settings files ---------------------------------------------------------------------------------------------


def _settings_files(manifest: RunManifest, workflow: ManifestWorkflow) -> Iterator[LayerSource]:
    """Of several files of the user or the project the last one counts, whole (run-settings.md T1)."""
    counting: dict[str, LayerSource] = {}
    for index, config in enumerate(manifest.configs):
        if config.source is not None:
            counting[config.type] = _config_file(config, config.source, f"configs[{index}]", manifest.cwd)
    yield from (counting[kind] for kind in ("user", "project") if kind in counting)
    if workflow.config:
        path, source = workflow.config.path, workflow.config.source
        directory = directory_of(normal_path(path, "config.path"))
        yield LayerSource(kind=SettingsLayer.WORKFLOW, file=path, directory=directory, source=source)


def _config_file(config: ManifestConfig, source: str, where: str, cwd: str) -> LayerSource:
    if config.type == "user":
        if len(config.path or "") > MAX_PATH_LENGTH:
            raise InvalidRequest(f"{where}.path: must have at most {MAX_PATH_LENGTH} characters.")
        return LayerSource(kind=SettingsLayer.USER, file=config.path or where, directory="", source=source)
    path = config.path or ""
    directory = directory_of(normal_path(seen_from(cwd, path, f"{where}.path"), f"{where}.path"))
    return LayerSource(kind=SettingsLayer.PROJECT, file=path, directory=directory, source=source)


def _quoted(text: str) -> str:
    return msgspec.json.encode(text if len(text) <= 80 else text[:77] + "...").decode()
