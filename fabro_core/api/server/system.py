"""What serves here: version, store, auth methods, age and load of this server (resources.md X12)."""

from __future__ import annotations

import platform
from typing import Final

import msgspec

from fabro_core.http.call import Call
from fabro_core.http.operation import operation
from fabro_core.http.reply import Reply, json_reply

_OS: Final = {"darwin": "macos"}
_ARCH: Final = {"amd64": "x86_64", "arm64": "aarch64"}
"""Existing clients know one name for each, whatever the operating system calls it."""


class SystemRunCounts(msgspec.Struct, frozen=True, kw_only=True):
    total: int
    active: int
    scheduler_slots_used: int


class SystemInfoResponse(msgspec.Struct, frozen=True, kw_only=True):
    version: str
    server_url: str
    git_sha: str | None
    build_date: str | None
    profile: str | None
    os: str
    arch: str
    storage_engine: str
    """The store's settings name."""
    storage_dir: str
    auth_methods: tuple[str, ...]
    """Settings names of the enabled auth methods, in the order of the settings."""
    uptime_secs: int
    runs: SystemRunCounts


@operation(
    "GET",
    "/system/info",
    id="getSystemInfo",
    tag="System",
    summary="What serves here",
    answers={200: SystemInfoResponse},
)
async def get_system_info(call: Call) -> Reply:
    services = call.services
    counts = await services.runs.count()
    return json_reply(
        SystemInfoResponse(
            version=services.version,
            server_url=services.server_url,
            git_sha=None,
            build_date=None,
            profile=None,
            os=os_name(platform.system()),
            arch=arch_name(platform.machine()),
            storage_engine=services.store_name,
            storage_dir=str(services.storage_root),
            auth_methods=tuple(services.auth.methods),
            uptime_secs=services.uptime.seconds(),
            runs=SystemRunCounts(total=counts.total, active=counts.active, scheduler_slots_used=counts.slots),
        )
    )


def os_name(system: str) -> str:
    """`platform.system()` as existing clients know it."""
    return _OS.get(system.lower(), system.lower())


def arch_name(machine: str) -> str:
    """`platform.machine()` as existing clients know it."""
    return _ARCH.get(machine.lower(), machine.lower())


ROUTES: Final = (get_system_info,)
