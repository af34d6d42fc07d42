"""What people say about a run beside its files: the options of commands that make a manifest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from fabro_core.models.manifest import ManifestArgs

_ARGUMENTS: Final = ("model", "provider", "environment", "dry_run", "auto_approve", "preserve_sandbox", "in_place")


class RunOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Options of one run; those that are None leave the choice to the settings files."""

    title: str | None = None
    goal: str | None = None
    """The goal itself, or a file's content: it beats those of settings and graph."""
    parent_id: str | None = None
    inputs: Sequence[str] = ()
    """`KEY=VALUE`."""
    labels: Sequence[str] = ()
    """`KEY=VALUE`."""
    model: str | None = None
    provider: str | None = None
    environment: str | None = None
    dry_run: bool | None = None
    auto_approve: bool | None = None
    preserve_sandbox: bool | None = None
    in_place: bool | None = None

    def args(self) -> ManifestArgs:
        """As the manifest has them."""
        chosen = {name: value for name in _ARGUMENTS if (value := getattr(self, name)) is not None}
        return msgspec.convert({**chosen, "label": list(self.labels), "input": list(self.inputs)}, ManifestArgs)
