"""What runs used and cost, over HTTP (events.md E11)."""

from __future__ import annotations

from typing import Final

from fabro_core.api.runs.paths import RunPath
from fabro_core.http.call import Call
from fabro_core.http.operation import operation
from fabro_core.http.reply import Reply, json_reply
from fabro_core.models.run_billing import AggregateBilling, RunBilling


@operation(
    "GET",
    "/runs/{id}/billing",
    id="retrieveRunBilling",
    tag="Run Outputs",
    summary="Get what a run used and cost",
    answers={200: RunBilling},
    errors=(404,),
)
async def retrieve_run_billing(call: Call[RunPath]) -> Reply:
    return json_reply(await call.services.runs.read_models.billing(call.path.id))


@operation(
    "GET",
    "/billing",
    id="getAggregateBilling",
    tag="Billing",
    summary="Get what all runs used and cost",
    answers={200: AggregateBilling},
)
async def get_aggregate_billing(call: Call) -> Reply:
    return json_reply(await call.services.runs.read_models.aggregate_billing())


ROUTES: Final = (
    retrieve_run_billing,
    get_aggregate_billing,
)
