"""The request class of the core's routes: typed access to the application's services, the caller and the path."""

from __future__ import annotations

from typing import Any

from litestar import Request

from fabro_core.auth.caller import Caller, User
from fabro_core.errors import InvalidRequest
from fabro_core.http.services import SERVICES, Services
from fabro_core.http.trace import trace_of
from fabro_core.models.ids import RunId, parse_run_id
from fabro_core.models.stage import StageId, parse_stage_id


class FabroRequest(Request[Any, Any, Any]):
    """A request to one of the core's routes."""

    @property
    def services(self) -> Services:
        services = self.app.state[SERVICES]
        assert isinstance(services, Services)
        return services

    @property
    def caller(self) -> Caller:
        """Who asks; only on routes that need credentials."""
        caller = trace_of(self.scope).caller
        assert caller is not None
        return caller

    @property
    def user(self) -> User:
        """The person who asks; only on routes that admit no worker."""
        caller = self.caller
        assert isinstance(caller, User)
        return caller

    @property
    def run_id(self) -> RunId:
        """The run id in the path. Raises `InvalidRequest` when it is no ULID (runs.md R3)."""
        return require_run_id(self.scope["path_params"]["id"], "The run id in the path")

    @property
    def stage_id(self) -> StageId:
        """The stage id in the path. Raises `InvalidRequest` when it is malformed (runs.md R3)."""
        stage_id = parse_stage_id(self.scope["path_params"]["stageId"])
        if stage_id is None:
            raise InvalidRequest("The stage id in the path is not NODE@VISIT.")
        return stage_id


def require_run_id(text: str, what: str) -> RunId:
    """`text` as a run id. Raises `InvalidRequest` that names `what` it is."""
    run_id = parse_run_id(text)
    if run_id is None:
        raise InvalidRequest(f"{what} is not a ULID.")
    return run_id
