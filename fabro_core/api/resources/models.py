"""Models and providers over HTTP (resources.md X13). Nothing here reaches a provider: what would have to is skipped."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final, Literal

import msgspec

from fabro_core.errors import IntegrationUnavailable
from fabro_core.http.call import Call
from fabro_core.http.operation import operation
from fabro_core.http.paging import OffsetParams, PageMeta, page
from fabro_core.http.path import PathParams
from fabro_core.http.query import QueryParams
from fabro_core.http.reply import Reply, json_reply
from fabro_core.resources.catalogue import Model, Provider

models = partial(operation, tag="Models")
_NO_ANSWERS: Final[dict[int, Any]] = {}


class ModelPath(PathParams, frozen=True, kw_only=True):
    id: str


class ProviderPath(PathParams, frozen=True, kw_only=True):
    provider: str


class ListModelsParams(OffsetParams, frozen=True, kw_only=True):
    provider: str | None = None
    query: str | None = None


class ModelTestParams(QueryParams, frozen=True, kw_only=True):
    provider: str | None = None
    mode: Literal["basic", "deep"] = "basic"


class PaginatedModelList(msgspec.Struct, frozen=True):
    data: Sequence[Model]
    meta: PageMeta


class ProviderList(msgspec.Struct, frozen=True):
    data: Sequence[Provider]


class ModelTestResult(msgspec.Struct, frozen=True, kw_only=True):
    model_id: str
    provider: str
    status: Literal["ok", "error", "skip"]
    error_message: str | None = None


class ProviderTestResult(msgspec.Struct, frozen=True, kw_only=True):
    provider: str
    model_id: str | None
    status: Literal["ok", "error"]
    error_message: str | None


class ProviderTestSummary(msgspec.Struct, frozen=True, kw_only=True):
    status: Literal["ok", "error"]
    total: int
    passed: int
    failed: int


class ProviderTestList(msgspec.Struct, frozen=True, kw_only=True):
    data: list[ProviderTestResult]
    summary: ProviderTestSummary


class ProviderCredentialTestRequest(msgspec.Struct, frozen=True):
    api_key: str


@models("GET", "/models", id="listModels", summary="List models", answers={200: PaginatedModelList})
async def list_models(call: Call[None, ListModelsParams]) -> Reply:
    found = call.services.catalogue.search(provider=call.query.provider, query=call.query.query)
    return json_reply(PaginatedModelList(*page(found, call.query)))


@models("GET", "/providers", id="listProviders", summary="List providers", answers={200: ProviderList})
async def list_providers(call: Call) -> Reply:
    return json_reply(ProviderList(call.services.catalogue.providers))


@models(
    "POST",
    "/models/{id}/test",
    id="testModel",
    summary="Test a model",
    answers={200: ModelTestResult},
    errors=(404,),
)
async def try_model(call: Call[ModelPath, ModelTestParams]) -> Reply:
    model = call.services.catalogue.model(call.path.id, provider=call.query.provider)
    return json_reply(ModelTestResult(model_id=model.id, provider=model.provider, status="skip"))


@models(
    "POST",
    "/providers/test",
    id="testProviders",
    summary="Test all providers that can be tested",
    answers={200: ProviderTestList},
)
async def try_providers(_: Call) -> Reply:
    none = ProviderTestSummary(status="ok", total=0, passed=0, failed=0)
    return json_reply(ProviderTestList(data=[], summary=none))


@models(
    "POST",
    "/providers/{provider}/credentials/test",
    id="testProviderCredentials",
    summary="Test a key of a provider",
    answers=_NO_ANSWERS,
    errors=(404,),
)
async def try_credentials(call: Call[ProviderPath, None, ProviderCredentialTestRequest]) -> Reply:
    provider = call.services.catalogue.provider(call.path.provider)
    raise IntegrationUnavailable(f"Nothing here can test a key of {provider.display_name}.")


ROUTES: Final = (list_models, list_providers, try_model, try_providers, try_credentials)
