"""What operations on runs share: a run as the answer, and where a new one comes from."""

from __future__ import annotations

from fabro_core.http.call import AnyCall
from fabro_core.http.reply import Reply, json_bytes
from fabro_core.models.principal import RunProvenance
from fabro_core.runs.create.provenance import provenance_of
from fabro_core.store.records import RunHit


def run_reply(call: AnyCall, hit: RunHit, status: int = 200) -> Reply:
    """The run as it is now."""
    return json_bytes(call.services.runs.json(hit), status)


def provenance(call: AnyCall) -> RunProvenance:
    """Who makes a run, and with what program (runs.md R4)."""
    return provenance_of(call.principal, user_agent=call.user_agent, server_version=call.services.version)
