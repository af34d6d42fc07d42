"""What stands in the paths of runs."""

from __future__ import annotations

import msgspec

from fabro_core.http.path import PathParams
from fabro_core.models.ids import RunId
from fabro_core.models.stage import StageId


class RunPath(PathParams, frozen=True, kw_only=True):
    id: RunId


class StagePath(RunPath, frozen=True, kw_only=True):
    stage_id: StageId = msgspec.field(name="stageId")
