"""What runs used and cost, over HTTP (events.md E11)."""

from __future__ import annotations

from fabro_core.http.operation import Operation, operation
from fabro_core.http.reply import Reply, json_reply
from fabro_core.http.request import FabroRequest
from fabro_core.models.run_billing import AggregateBilling, RunBilling


@operation(
    "GET",
    "/runs/{id:str}/billing",
    Operation(
        id="retrieveRunBilling",
        tag="Run Outputs",
        summary="Get what a run used and cost",
        answers={200: RunBilling},
        errors=(400, 404),
    ),
)
async def retrieve_run_billing(request: FabroRequest) -> Reply:
    return json_reply(await request.services.runs.read_models.billing(request.run_id))


@operation(
    "GET",
    "/billing",
    Operation(
        id="getAggregateBilling",
        tag="Billing",
        summary="Get what all runs used and cost",
        answers={200: AggregateBilling},
    ),
)
async def get_aggregate_billing(request: FabroRequest) -> Reply:
    return json_reply(await request.services.runs.read_models.aggregate_billing())
