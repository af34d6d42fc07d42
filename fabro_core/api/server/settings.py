"""The settings in force, over HTTP (server.md S8)."""

from __future__ import annotations

from fabro_core.config.in_force import ServerSettings
from fabro_core.http.operation import Operation, operation
from fabro_core.http.reply import Reply, json_reply
from fabro_core.http.request import FabroRequest


@operation(
    "GET",
    "/settings",
    Operation(
        id="retrieveServerSettings", tag="Settings", summary="The settings in force", answers={200: ServerSettings}
    ),
)
async def get_settings(request: FabroRequest) -> Reply:
    return json_reply(request.services.settings_in_force())
