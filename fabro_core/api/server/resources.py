"""What the server's machine has, and how much of it is in use (resources.md X12)."""

from __future__ import annotations

from typing import Final

import msgspec

from fabro_core.http.call import Call
from fabro_core.http.operation import operation
from fabro_core.http.reply import Reply, json_reply
from fabro_core.models.instant import Instant, format_instant, instant_of_ms
from fabro_core.upkeep.machine import SystemCpuResources, SystemDiskResources, SystemMemoryResources


class SystemResourcesResponse(msgspec.Struct, frozen=True, kw_only=True):
    sampled_at: Instant
    cpu: SystemCpuResources
    memory: SystemMemoryResources
    disk: SystemDiskResources
    notes: list[str]


@operation(
    "GET",
    "/system/resources",
    id="getSystemResources",
    tag="System",
    summary="What the machine has, and how much of it is in use",
    answers={200: SystemResourcesResponse},
)
async def get_system_resources(call: Call) -> Reply:
    sample = await call.services.machine.sample()
    return json_reply(
        SystemResourcesResponse(
            sampled_at=format_instant(instant_of_ms(call.services.runs.now_ms())),
            cpu=sample.cpu,
            memory=sample.memory,
            disk=sample.disk,
            notes=sample.notes,
        )
    )


ROUTES: Final = (get_system_resources,)
