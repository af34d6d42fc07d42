"""Settled settings of files that are written in a test."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from fabro_core.models.manifest import ManifestArgs
from fabro_core.models.run_settings import (
    EnvironmentImageSettings,
    EnvironmentLifecycleSettings,
    EnvironmentNetworkSettings,
    EnvironmentResourcesSettings,
    EnvironmentSettings,
    McpServerSettings,
)
from fabro_core.models.setting_origins import SettingsLayer
from fabro_core.runs.settings.arguments import read_arguments
from fabro_core.runs.settings.faults import Fault, RefusedSettings
from fabro_core.runs.settings.layers import LayerSource
from fabro_core.runs.settings.reading import read_layers
from fabro_core.runs.settings.settling import SettledSettings, settle_settings
from fabro_core.runs.settings.stored import StoredSettings

WORKFLOW = "flows/deploy/workflow.toml"
PROJECT = ".fabro/project.toml"
USER = "/home/ann/.fabro/settings.toml"

NO_ARGS = ManifestArgs()


def user(source: str) -> LayerSource:
    return LayerSource(kind=SettingsLayer.USER, file=USER, directory="", source=source)


def project(source: str) -> LayerSource:
    return LayerSource(kind=SettingsLayer.PROJECT, file=PROJECT, directory=".fabro", source=source)


def workflow(source: str) -> LayerSource:
    return LayerSource(kind=SettingsLayer.WORKFLOW, file=WORKFLOW, directory="flows/deploy", source=source)


def settled(
    *sources: LayerSource,
    args: ManifestArgs = NO_ARGS,
    variables: Mapping[str, str] = {},
    environments: Mapping[str, EnvironmentSettings] = {},
    mcp_servers: Mapping[str, McpServerSettings] = {},
    files: Mapping[str, str] = {},
    needs_goal: bool = True,
) -> SettledSettings:
    """What the files amount to, lowest first."""
    stored = StoredSettings(variables=variables, environments=environments, mcp_servers=mcp_servers)
    return settle_settings(sources, read_arguments(args), stored, files, needs_goal=needs_goal)


def shown(*sources: LayerSource, **surroundings: Any) -> Any:
    """The snapshot as JSON."""
    return json.loads(msgspec.json.encode(settled(*sources, **surroundings).settings))


def run_of(source: str, **surroundings: Any) -> Any:
    """The table `run` of the snapshot of one workflow file."""
    return shown(workflow(source), **surroundings)["run"]


def faults(*sources: LayerSource, **surroundings: Any) -> tuple[Fault, ...]:
    """What is wrong with the files."""
    with pytest.raises(RefusedSettings) as caught:
        settled(*sources, **surroundings)
    return caught.value.faults


def fault(source: str, **surroundings: Any) -> str:
    """The only fault of one workflow file, without the file."""
    (only,) = faults(workflow(source), **surroundings)
    return str(only).removeprefix(f"{WORKFLOW}:")


def reading_faults(source: str) -> list[str]:
    """Everything that is wrong with one workflow file by itself, without the file."""
    with pytest.raises(RefusedSettings) as caught:
        read_layers([workflow(source)])
    return [str(each).removeprefix(f"{WORKFLOW}:") for each in caught.value.faults]


def stored_environment(**changes: Any) -> EnvironmentSettings:
    """An environment as the server keeps it."""
    whole: dict[str, Any] = {
        "provider": "docker",
        "cwd": None,
        "image": EnvironmentImageSettings(docker=None, dockerfile=None),
        "resources": EnvironmentResourcesSettings(cpu=None, memory=None, disk=None),
        "network": EnvironmentNetworkSettings(mode="allow_all", allow=()),
        "lifecycle": EnvironmentLifecycleSettings(preserve=False, stop_on_terminal=True, auto_stop=None),
        "labels": {},
        "env": {},
    }
    return EnvironmentSettings(**{**whole, **changes})
