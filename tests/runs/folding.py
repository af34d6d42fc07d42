"""Runs folded from events that are named."""

from __future__ import annotations

from typing import Any

import msgspec

from fabro_core.models.events import RunEvent, typed
from fabro_core.runs.fold.projection import Projection, counted, fold
from tests.runs.samples import SAMPLES

RUN_ID = "01KJQ0QEPA7V9X1B2C4D6F8G0H"
SETTINGS = {"run": {"environment": {"provider": "docker", "image": {"docker": "python:3.12"}}}}
CREATED = {**SAMPLES["run.created"], "title": "Ship", "settings": SETTINGS}


def event(seq: int, name: str, properties: object = None, **scope: Any) -> RunEvent:
    """An event one second after the one before."""
    given = SAMPLES.get(name, {}) if properties is None else properties
    encoded = msgspec.Raw(msgspec.json.encode(given))
    ts = f"2026-03-02T10:{seq // 60:02}:{seq % 60:02}Z"
    return RunEvent(seq=seq, id=f"e{seq}", ts=ts, run_id=RUN_ID, event=name, properties=encoded, **scope)


def fold_logged(before: Projection | None, happens: RunEvent) -> Projection:
    """A run after an event as a log has it."""
    return counted(fold(before, typed(happens)))


def after(*steps: tuple[str, Any] | tuple[str, Any, dict[str, Any]] | str) -> Projection:
    """A run after events: names, with properties and scope where they matter."""
    run = fold_logged(None, event(1, "run.created", CREATED))
    for step in steps:
        name, properties, scope = step if isinstance(step, tuple) and len(step) == 3 else (*_pair(step), {})
        run = fold_logged(run, event(run.seq + 1, name, properties, **scope))
    return run


def _pair(step: Any) -> tuple[str, Any]:
    return (step, None) if isinstance(step, str) else (step[0], step[1])


RUNNING = ("run.runnable", "run.starting", "run.started", "run.running")
DRAFT = {"node_id": "draft", "stage_id": "draft@1"}
