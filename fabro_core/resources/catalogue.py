"""Models and their providers, as a catalogue tells them (resources.md X13)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from fabro_core.errors import NotFound
from fabro_core.models.stage import ReasoningEffort


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the structs below, each of which is shown as it is."""


class ModelLimits(Entry, frozen=True, kw_only=True):
    """In tokens."""

    context_window: int
    max_output: int | None


class ModelFeatures(Entry, frozen=True, kw_only=True):
    tools: bool
    vision: bool
    reasoning: bool
    reasoning_effort: Literal["levels", "always_adaptive", "none"]
    prompt_cache: bool
    cache_control_breakpoints: bool
    sampling_params: bool


class ModelControls(Entry, frozen=True, kw_only=True):
    reasoning_effort: tuple[ReasoningEffort, ...]


class ModelCosts(Entry, frozen=True, kw_only=True):
    """In US dollars for a million tokens; None where nobody knows."""

    input_cost_per_mtok: float | None
    output_cost_per_mtok: float | None
    cache_input_cost_per_mtok: float | None


class Model(Entry, frozen=True, kw_only=True):
    id: str
    provider: str
    """The id of a `Provider`."""
    family: str
    display_name: str
    limits: ModelLimits
    training: str | None
    knowledge_cutoff: str | None
    features: ModelFeatures
    controls: ModelControls
    costs: ModelCosts
    estimated_output_tps: float | None
    """In tokens a second."""
    aliases: tuple[str, ...]
    default: bool
    small_default: bool
    configured: bool
    """Its provider is."""


class Provider(Entry, frozen=True, kw_only=True):
    id: str
    display_name: str
    adapter: Literal["anthropic", "openai", "gemini", "openai_compatible"]
    base_url: str | None = None
    api_key_url: str | None = None
    priority: int
    aliases: tuple[str, ...] = ()
    model_count: int
    default_model: str | None = None
    configured: bool
    """The secret that it expects is there."""
    expected_secret_name: str | None = None


class Catalogue(msgspec.Struct, frozen=True):
    """What can be asked for; empty where nothing tells of models."""

    models: tuple[Model, ...] = ()
    providers: tuple[Provider, ...] = ()

    def search(self, *, provider: str | None, query: str | None) -> Sequence[Model]:
        """The models of a provider with `query` in id, display name or an alias, in any case. None asks for nothing."""
        wanted = "" if query is None else query.casefold()
        return [
            each
            for each in self.models
            if provider in (None, each.provider) and any(wanted in name.casefold() for name in _names(each))
        ]

    def model(self, model_id: str, *, provider: str | None) -> Model:
        """The model of that id, of any provider if None. Raises `NotFound`."""
        for each in self.models:
            if each.id == model_id and provider in (None, each.provider):
                return each
        raise NotFound("Model not found.")

    def provider(self, provider_id: str) -> Provider:
        """Raises `NotFound`."""
        for each in self.providers:
            if each.id == provider_id:
                return each
        raise NotFound("Provider not found.")


def _names(model: Model) -> Iterator[str]:
    yield from (model.id, model.display_name, *model.aliases)
