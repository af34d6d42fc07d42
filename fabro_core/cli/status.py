"""What `fabro server status` says (server.md S24)."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import click

from fabro_core.server.record import ServerRecord


def tell_status(record: ServerRecord | None, *, as_json: bool) -> int:
    """Tell it, and return the exit code."""
    now = datetime.now(UTC)
    if as_json:
        click.echo(json.dumps(status_document(record, now)))
    else:
        click.echo(status_line(record, now), err=True)
    return 0 if record else 1


def status_document(record: ServerRecord | None, now: datetime) -> dict[str, object]:
    """The answer for programs."""
    if record is None:
        return {"status": "stopped"}
    return {
        "status": "running",
        "pid": record.pid,
        "bind": record.bind.unix or record.bind.tcp,
        "started_at": record.started_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "uptime_seconds": _uptime(record, now),
    }


def status_line(record: ServerRecord | None, now: datetime) -> str:
    """The answer for people."""
    if record is None:
        return "Server is not running"
    ago = duration(_uptime(record, now))
    return f"Server running (pid {record.pid}) on {record.bind.address}, started {ago} ago"


def _uptime(record: ServerRecord, now: datetime) -> int:
    return max(0, int((now - record.started_at).total_seconds()))


def duration(seconds: int) -> str:
    """`1h 2m 3s`, without leading zero parts."""
    parts = [(seconds // 86400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "m"), (seconds % 60, "s")]
    while len(parts) > 1 and parts[0][0] == 0:
        parts.pop(0)
    return " ".join(f"{number}{unit}" for number, unit in parts)
