"""Where each setting of a run came from, beside the settings (run-settings.md T9)."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from fabro_core.models.run_settings import WorkflowSettings


class SettingsLayer(StrEnum):
    """Whose word it is, lowest first."""

    DEFAULT = "default"
    SERVER = "server"
    USER = "user"
    PROJECT = "project"
    WORKFLOW = "workflow"
    ARGUMENT = "argument"


class OverruledSetting(msgspec.Struct, frozen=True, kw_only=True):
    """What a layer further below said."""

    layer: SettingsLayer
    path: str | None
    """The file as the manifest names it; None when it is no file."""
    value: Any
    """As it is written there."""


class SettingOrigin(msgspec.Struct, frozen=True, kw_only=True):
    """The layer that had the last word on a setting."""

    layer: SettingsLayer
    path: str | None
    """The file as the manifest names it; None when it is no file."""
    overruled: tuple[OverruledSetting, ...] = ()
    """What other layers said, the highest first."""


class RunSettingsWithOrigins(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `GET /runs/{id}/settings?origins=true`."""

    settings: WorkflowSettings
    origins: dict[str, SettingOrigin] | None
    """By the setting's name in files, such as `run.model.name`; None for a run that was made before they were kept."""
