"""The settings in force, over HTTP (server.md S8)."""

from __future__ import annotations

from typing import Final

from fabro_core.config.in_force import ServerSettings
from fabro_core.http.call import Call
from fabro_core.http.operation import operation
from fabro_core.http.reply import Reply, json_reply


@operation(
    "GET",
    "/settings",
    id="retrieveServerSettings",
    tag="Settings",
    summary="The settings in force",
    answers={200: ServerSettings},
)
async def get_settings(call: Call) -> Reply:
    return json_reply(call.services.settings_in_force())


ROUTES: Final = (get_settings,)
