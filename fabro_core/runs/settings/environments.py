"""Environments of a run: those that the server keeps, those of files, and the one that is selected
(run-settings.md T6.3, T6.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from fabro_core.models.run_settings import DEFAULT_ENVIRONMENT, DockerfileSourceInline, EnvironmentSettings
from fabro_core.models.setting_origins import SettingsLayer
from fabro_core.near import near_match
from fabro_core.runs.settings.faults import Report, listed, quoted
from fabro_core.runs.settings.kinds import SizeKind
from fabro_core.runs.settings.layers import Layer
from fabro_core.runs.settings.merging import merge
from fabro_core.runs.settings.model import SettingsFile
from fabro_core.runs.settings.model_environment import (
    NETWORK_MODES,
    PROVIDERS,
    Environment,
    Image,
    Lifecycle,
    Network,
    Resources,
    RunEnvironment,
)
from fabro_core.runs.settings.networks import is_cidr
from fabro_core.runs.settings.toml_places import Path
from fabro_core.runs.settings.units import milliseconds

PATH: Final[Path] = ("run", "environment")

_MOST_SHOWN: Final = 10


# -- what the server keeps ----------------------------------------------------------------------------------------


def built_in_layer() -> Layer:
    """The environment that there is on every server."""
    environments = {DEFAULT_ENVIRONMENT: Environment(provider="local")}
    return Layer(kind=SettingsLayer.DEFAULT, settings=SettingsFile(environments=environments))


def stored_layer(stored: Mapping[str, EnvironmentSettings]) -> Layer:
    """What the server keeps; the default one replaces the one that is built in."""
    return Layer(
        kind=SettingsLayer.SERVER,
        settings=SettingsFile(environments={key: _of_stored(each) for key, each in stored.items()}),
        raw={"environments": msgspec.to_builtins(stored)},
    )


def _of_stored(stored: EnvironmentSettings) -> Environment:
    dockerfile = stored.image.dockerfile
    return Environment(
        provider=stored.provider,
        image=Image(
            docker=stored.image.docker,
            dockerfile=dockerfile.value if isinstance(dockerfile, DockerfileSourceInline) else None,
        ),
        resources=Resources(
            cpu=stored.resources.cpu, memory=_size(stored.resources.memory), disk=_size(stored.resources.disk)
        ),
        network=Network(mode=stored.network.mode, allow=stored.network.allow),
        lifecycle=Lifecycle(
            preserve=stored.lifecycle.preserve,
            stop_on_terminal=stored.lifecycle.stop_on_terminal,
            auto_stop=None if stored.lifecycle.auto_stop is None else milliseconds(stored.lifecycle.auto_stop),
        ),
        labels=stored.labels,
        env=stored.env,
    )


def _size(text: str | None) -> Any:
    return None if text is None else SizeKind().read(text)


# -- the one that is selected -------------------------------------------------------------------------------------


def selected_environment(
    catalogue: Mapping[str, Environment], wanted: RunEnvironment, report: Report
) -> Environment | None:
    """The environment that a run names, under what the run says about it; None after a fault."""
    environment_id = selected_id(wanted)
    environment = catalogue.get(environment_id)
    if environment is None:
        report((*PATH, "id"), _unknown(environment_id, sorted(catalogue)))
        return None
    overrides = {name: getattr(wanted, name) for name in RunEnvironment.__struct_fields__ if name != "id"}
    return merge(environment, Environment(**overrides))


def selected_id(wanted: RunEnvironment) -> str:
    """The id of the environment that a run names."""
    return DEFAULT_ENVIRONMENT if wanted.id is None else wanted.id


def _unknown(environment_id: str, known: list[str]) -> str:
    near = near_match(environment_id, known)
    hint = f"; did you mean {quoted(near)}?" if near else ""
    more = f" and {len(known) - _MOST_SHOWN} more" if len(known) > _MOST_SHOWN else ""
    shown = ", ".join(map(quoted, known[:_MOST_SHOWN]))
    return f"there is no environment {quoted(environment_id)}; known are {shown}{more}{hint}"


def network_mode(network: Network) -> str:
    """The mode that is meant."""
    return network.mode or ("cidr_allow_list" if network.allow else "allow_all")


def check_selected(environment: Environment, environment_id: str, report: Report) -> None:
    """Report what keeps the selected environment, as it turned out, from being used."""
    provider, network = environment.provider, environment.network
    if provider is None:
        report((*PATH, "provider"), f"needs a provider in [environments.{environment_id}]: {_words(PROVIDERS)}")
    elif provider not in PROVIDERS:
        report((*PATH, "provider"), f"must be {_words(PROVIDERS)}, not {quoted(provider)}{_hint(provider, PROVIDERS)}")
    for index, cidr in enumerate(network.allow or ()):
        if not is_cidr(cidr):
            place = (*PATH, "network", "allow", index)
            report(place, f"must be an address and a prefix length, as in 10.0.0.0/8, not {quoted(cidr)}")
    mode = network_mode(network)
    if mode not in NETWORK_MODES:
        report(
            (*PATH, "network", "mode"),
            f"must be {_words(NETWORK_MODES)}, not {quoted(mode)}{_hint(mode, NETWORK_MODES)}",
        )
    if provider == "daytona" and environment.image.docker is not None:
        report((*PATH, "image", "docker"), "daytona takes no docker image; use image.dockerfile")
    if (provider == "local" and mode in ("block", "cidr_allow_list")) or (
        provider == "docker" and mode == "cidr_allow_list"
    ):
        report((*PATH, "network", "mode"), f"is {quoted(mode)}, which the provider {quoted(provider)} cannot do")


def _words(choices: tuple[str, ...]) -> str:
    return listed(map(quoted, choices))


def _hint(word: str, choices: tuple[str, ...]) -> str:
    near = near_match(word, choices)
    return f"; did you mean {quoted(near)}?" if near else ""
