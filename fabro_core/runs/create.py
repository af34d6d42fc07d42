"""Creating a run from a manifest (runs.md R8): validate, keep what was submitted as blobs, start the log."""

from __future__ import annotations

from typing import Any

import msgspec

from fabro_core.clock import Clock
from fabro_core.models.principal import RunProvenance
from fabro_core.runs.log import RunLog
from fabro_core.store.base import RunStore


class RunSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything a worker needs to know to execute a run, kept as a blob."""

    run_id: str
    settings: msgspec.Raw
    graph: msgspec.Raw
    provenance: RunProvenance
    graph_source: str | None = None
    workflow_slug: str | None = None
    source_directory: str | None = None
    labels: dict[str, str] = {}
    git: Any = None
    manifest_blob: str | None = None
    definition_blob: str | None = None


class RunCreator:
    """Creates runs."""

    def __init__(self, store: RunStore, log: RunLog, clock: Clock, *, web_url: str | None) -> None:
        self._store = store
        self._log = log
        self._clock = clock
        self._web_url = web_url
