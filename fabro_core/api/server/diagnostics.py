"""What works of the server and what does not (resources.md X14)."""

from __future__ import annotations

from typing import Final

import msgspec

from fabro_core.http.call import Call
from fabro_core.http.operation import operation
from fabro_core.http.reply import Reply, json_reply
from fabro_core.upkeep.diagnostics import DiagnosticsSection


class DiagnosticsReport(msgspec.Struct, frozen=True, kw_only=True):
    version: str
    sections: list[DiagnosticsSection]


@operation(
    "POST",
    "/health/diagnostics",
    id="runDiagnostics",
    tag="Discovery",
    summary="Find out what works",
    answers={200: DiagnosticsReport},
    errors=(504,),
)
async def run_diagnostics(call: Call) -> Reply:
    sections = await call.services.diagnostics.run()
    return json_reply(DiagnosticsReport(version=call.services.version, sections=sections))


ROUTES: Final = (run_diagnostics,)
