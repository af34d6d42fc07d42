"""Models and providers (resources.md X13, X16 row 19)."""

from __future__ import annotations

from typing import Any

import pytest

from fabro_core.http.services import SERVICES
from fabro_core.resources.catalogue import (
    Catalogue,
    Model,
    ModelControls,
    ModelCosts,
    ModelFeatures,
    ModelLimits,
    Provider,
)
from tests.api.conftest import Server
from tests.api.test_contract import check, check_error

pytestmark = pytest.mark.anyio

MODELS = "/api/v1/models"
PROVIDERS = "/api/v1/providers"


@pytest.fixture
def store_kind() -> str:
    """Nothing here depends on the store."""
    return "memory"


def model(model_id: str, provider: str, name: str, *aliases: str) -> Model:
    return Model(
        id=model_id,
        provider=provider,
        family="acme",
        display_name=name,
        limits=ModelLimits(context_window=200_000, max_output=None),
        training=None,
        knowledge_cutoff=None,
        features=ModelFeatures(
            tools=True,
            vision=False,
            reasoning=True,
            reasoning_effort="levels",
            prompt_cache=True,
            cache_control_breakpoints=False,
            sampling_params=True,
        ),
        controls=ModelControls(reasoning_effort=("low", "high")),
        costs=ModelCosts(input_cost_per_mtok=3.0, output_cost_per_mtok=15.0, cache_input_cost_per_mtok=None),
        estimated_output_tps=None,
        aliases=aliases,
        default=False,
        small_default=False,
        configured=False,
    )


@pytest.fixture
def catalogue(server: Server) -> Catalogue:
    """What the server has to tell of."""
    found = Catalogue(
        models=(
            model("acme-large-1", "acme", "Acme Large", "large"),
            model("acme-small-1", "acme", "Acme Small"),
            model("acme-large-1", "mirror", "Acme Large, mirrored"),
        ),
        providers=(
            Provider(
                id="acme",
                display_name="Acme",
                adapter="openai_compatible",
                priority=10,
                model_count=2,
                configured=False,
            ),
        ),
    )
    object.__setattr__(server.app.litestar.state[SERVICES], "catalogue", found)
    return found


async def test_without_a_catalogue_both_lists_are_empty(server: Server) -> None:
    models = await server.client.get(MODELS)
    check(models, "listModels")
    assert models.json() == {"data": [], "meta": {"has_more": False}}
    providers = await server.client.get(PROVIDERS)
    check(providers, "listProviders")
    assert providers.json() == {"data": []}


@pytest.mark.parametrize(
    "query",
    ["page[limit]=x", "page[offset]=-1", "provider=a&provider=b", "query=a&query=b", "page[limit]=1&page[limit]=2"],
)
async def test_queries_are_judged(server: Server, query: str) -> None:
    check_error(await server.client.get(f"{MODELS}?{query}"), 400)


@pytest.mark.usefixtures("catalogue")
@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({}, [("acme", "acme-large-1"), ("acme", "acme-small-1"), ("mirror", "acme-large-1")]),
        ({"provider": "mirror"}, [("mirror", "acme-large-1")]),
        ({"provider": "Acme"}, []),
        ({"query": "SMALL"}, [("acme", "acme-small-1")]),
        ({"query": "mirrored"}, [("mirror", "acme-large-1")]),
        ({"query": "large", "provider": "acme"}, [("acme", "acme-large-1")]),
        ({"page[limit]": "1", "page[offset]": "1"}, [("acme", "acme-small-1")]),
        ({"page[offset]": "4294967295"}, []),
    ],
)
async def test_models_are_searched_and_cut(server: Server, params: dict[str, str], found: list[Any]) -> None:
    answer = await server.client.get(MODELS, params=params)
    check(answer, "listModels")
    assert [(each["provider"], each["id"]) for each in answer.json()["data"]] == found
    assert answer.json()["meta"] == {"has_more": params.get("page[limit]") == "1"}


async def test_a_list_is_cut_after_twenty(server: Server) -> None:
    many = Catalogue(tuple(model(f"m{number}", "acme", "M") for number in range(21)))
    object.__setattr__(server.app.litestar.state[SERVICES], "catalogue", many)
    answer = (await server.client.get(MODELS)).json()
    assert (len(answer["data"]), answer["meta"]) == (20, {"has_more": True})


@pytest.mark.usefixtures("catalogue")
async def test_providers_are_shown(server: Server) -> None:
    answer = await server.client.get(PROVIDERS)
    check(answer, "listProviders")
    assert [each["id"] for each in answer.json()["data"]] == ["acme"]


async def test_a_model_that_is_not_known_cannot_be_tested(server: Server) -> None:
    check_error(await server.client.post(f"{MODELS}/acme-large-1/test"), 404)
    check_error(await server.client.post(f"{MODELS}/acme-large-1/test?mode=odd"), 400)


@pytest.mark.usefixtures("catalogue")
async def test_a_test_that_nothing_can_make_is_skipped(server: Server) -> None:
    answer = await server.client.post(f"{MODELS}/acme-large-1/test?provider=mirror&mode=deep")
    check(answer, "testModel")
    assert answer.json() == {
        "model_id": "acme-large-1",
        "provider": "mirror",
        "status": "skip",
        "error_message": None,
    }
    check_error(await server.client.post(f"{MODELS}/acme-small-1/test?provider=mirror"), 404)
    providers = await server.client.post(f"{PROVIDERS}/test")
    check(providers, "testProviders")
    assert providers.json() == {"data": [], "summary": {"status": "ok", "total": 0, "passed": 0, "failed": 0}}


@pytest.mark.usefixtures("catalogue")
async def test_keys_of_providers(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    path = f"{PROVIDERS}/{{}}/credentials/test"
    key = {"api_key": "sk-not-to-be-seen"}
    check_error(await server.client.post(path.format("acme"), content=b"{"), 400)
    check_error(await server.client.post(path.format("acme"), json={"api_key": None}), 400)
    check_error(await server.client.post(path.format("other"), json=key), 404)
    unavailable = await server.client.post(path.format("acme"), json=key)
    check_error(unavailable, 503)
    assert unavailable.json()["errors"][0]["code"] == "integration_unavailable"
    assert "not-to-be-seen" not in caplog.text
