"""Every endpoint of the code is served, and every operation among them is documented."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator
from importlib import import_module
from types import ModuleType
from typing import Final

import pytest

import fabro_core.api
import fabro_core.web
from fabro_core.api.routes import endpoints
from fabro_core.http.call import Call
from fabro_core.http.endpoint import Endpoint
from fabro_core.http.operation import Operation, operation
from fabro_core.http.path import PathParams
from fabro_core.http.reply import Reply, no_content
from tests.api.conftest import Server


def modules() -> Iterator[ModuleType]:
    for package in (fabro_core.api, fabro_core.web):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            yield import_module(found.name)


WITH_ENDPOINTS: Final = [
    module for module in modules() if any(isinstance(each, Endpoint) for each in vars(module).values())
]
SERVED: Final = {each.answer for each in endpoints(web_enabled=True)}


def names_of(module: ModuleType, wanted: Callable[[Endpoint], bool] = lambda each: True) -> list[str]:
    return [name for name, each in vars(module).items() if isinstance(each, Endpoint) and wanted(each)]


def test_there_are_endpoints() -> None:
    assert len(WITH_ENDPOINTS) > 20
    assert len(SERVED) > 80


@pytest.mark.parametrize("module", WITH_ENDPOINTS, ids=lambda module: module.__name__.removeprefix("fabro_core."))
def test_a_module_of_routes_lists_all_of_them_at_its_end(module: ModuleType) -> None:
    assert list(vars(module))[-1] == "ROUTES"
    assert sorted(names_of(module, lambda each: each in module.ROUTES)) == sorted(names_of(module))
    assert len(module.ROUTES) == len(set(module.ROUTES)) == len(names_of(module))


@pytest.mark.parametrize("module", WITH_ENDPOINTS, ids=lambda module: module.__name__.removeprefix("fabro_core."))
def test_every_endpoint_is_served(module: ModuleType) -> None:
    assert names_of(module, lambda each: each.answer not in SERVED) == []


@pytest.mark.anyio
async def test_every_operation_is_documented_where_it_is_served(server: Server) -> None:
    document = (await server.anonymous.get("/api/v1/openapi.json")).json()
    documented = {
        (path, method.upper()): shown["operationId"]
        for path, item in document["paths"].items()
        for method, shown in item.items()
    }
    assert documented == {
        (each.path, each.method): each.operation.id
        for each in server.app.endpoints
        if isinstance(each.operation, Operation) and each.operation.sign_in is None
    } | {("/auth/login/dev-token", "POST"): "loginDevToken"}


def test_below_the_prefix_of_the_api_everything_is_an_operation() -> None:
    hidden = [each for each in endpoints(web_enabled=True) if each.operation is None]
    assert [each.path for each in hidden if each.path.startswith("/api/")] == []


# -- what a declaration cannot be -------------------------------------------------------------------------------------


class OddPath(PathParams, frozen=True, kw_only=True):
    number: float


def test_a_path_parameter_of_a_type_that_nobody_parses_is_found_at_import() -> None:
    async def handler(call: Call[OddPath]) -> Reply:
        return no_content()

    with pytest.raises(TypeError):
        operation("GET", "/x/{number}", id="odd", tag="X", summary="X", answers={204: None})(handler)


def test_raw_bytes_have_to_say_what_the_document_shows() -> None:
    async def handler(call: Call[None, None, bytes]) -> Reply:
        return no_content()

    with pytest.raises(AssertionError):
        operation("POST", "/x", id="raw", tag="X", summary="X", answers={204: None})(handler)
