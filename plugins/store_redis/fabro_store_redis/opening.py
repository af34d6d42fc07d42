"""What is asked of the server before it is used: is it one that can keep runs, and how safely does it keep them?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fabro_core.store import StoreMisconfigured, StoreUnavailable
from fabro_store_redis.connections import Connections
from fabro_store_redis.faults import cannot_open
from fabro_store_redis.upgrading import OLDER, TITLE, upgrade

LAYOUT: Final = b"2"
"""The layout of stored data that this version reads and writes."""

OLDEST_VERSION: Final = 7
"""The first whose scripts say what they may do, which keeps them from running out of memory halfway."""


@dataclass(frozen=True, slots=True)
class Server:
    """What the server says about itself."""

    version: str
    durable: bool
    """It appends every write to a file and flushes it before it answers."""
    facts: tuple[str, ...] = ()
    """How it keeps data, as its own settings say it."""


async def inspect(connections: Connections, prefix: str) -> Server:
    """Look at the server and at the layout of the data. Raises `StoreMisconfigured`, `StoreUnavailable`."""
    try:
        facts = _facts(await connections.ask("INFO"))
        _refuse_unfit(facts)
        await _check_layout(connections, prefix)
    except StoreUnavailable as error:
        raise cannot_open(connections.dial.server, error.__cause__) from error.__cause__
    flushes = await _flushes(connections, facts)
    return Server(
        version=_version(facts),
        durable=flushes == "always",
        facts=(
            "appendonly no" if flushes is None else f"appendonly yes, appendfsync {flushes}",
            f"maxmemory-policy {facts.get('maxmemory_policy', 'unknown')}",
            f"{facts.get('connected_slaves', '0')} replicas",
        ),
    )


async def plan(connections: Connections, prefix: str) -> Sequence[str]:
    """What opening will do to the data, one line a step; writes nothing. Raises `StoreUnavailable`."""
    try:
        found = await connections.ask("GET", f"{prefix}layout")
    except StoreUnavailable as error:
        raise cannot_open(connections.dial.server, error.__cause__) from error.__cause__
    return (TITLE,) if found == OLDER else ()


def _facts(info: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in info.decode(errors="replace").splitlines())
    return {name: value for name, colon, value in lines if colon}


def _version(facts: dict[str, str]) -> str:
    if "valkey_version" in facts:
        return f"Valkey {facts['valkey_version']}"
    return f"Redis {facts.get('redis_version', 'unknown')}"


def _refuse_unfit(facts: dict[str, str]) -> None:
    # Valkey states the version of Redis that it is compatible with, too.
    version = facts.get("redis_version", "")
    if not version.partition(".")[0].isdigit() or int(version.partition(".")[0]) < OLDEST_VERSION:
        raise StoreMisconfigured(f"The Redis server has version {version}; {OLDEST_VERSION}.0 or newer is needed.")
    policy = facts.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        raise StoreMisconfigured(
            f"The Redis server drops data when its memory is full (maxmemory-policy {policy}); "
            "set maxmemory-policy to noeviction, or name another server."
        )
    if facts.get("role", "master") != "master":
        raise StoreMisconfigured("The Redis server is a replica and takes no writes; name its primary in the URL.")


async def _check_layout(connections: Connections, prefix: str) -> None:
    key = f"{prefix}layout"
    found = await connections.ask("GET", key)
    if found is None:  # only then, as a server without memory left would refuse to be told what it knows
        # Asked and not told: it may be said twice, and a server without its replicas may be read from all the same.
        await connections.ask("SET", key, LAYOUT, "NX")
        found = await connections.ask("GET", key)
    if found == OLDER:
        await upgrade(connections, prefix)
        await connections.tell("SET", key, LAYOUT)
        found = LAYOUT
    if found != LAYOUT:
        raise StoreMisconfigured(
            f"The data under {prefix} was written by a newer release; install that release, or set another prefix."
        )


async def _flushes(connections: Connections, facts: dict[str, str]) -> str | None:
    """When the server flushes what it has appended to its file; None when it keeps no such file."""
    if facts.get("aof_enabled") != "1":
        return None
    try:
        _, flushed = await connections.ask("CONFIG", "GET", "appendfsync")
    except StoreUnavailable:
        return "unknown"  # services that forbid the question do not say how they flush, so nothing is promised
    return str(flushed.decode())
