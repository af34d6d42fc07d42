"""Layers configuration files to the dense settings of a run (runs.md R8.3).

Lowest first: built-in defaults with the stored environments, user, project, workflow, command line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from fabro_core.errors import InvalidRequest
from fabro_core.models.run_settings import EnvironmentSettings, WorkflowSettings
from fabro_core.runs.create.toml_source import parse_toml
from fabro_core.runs.log.type_faults import type_fault

DEFAULT_ENVIRONMENT = "default"
MAX_INTERPOLATED_CHARS = 1024 * 1024
"""In one file; a variable that is long and named often would otherwise multiply without end."""

_TABLES = ("project", "workflow", "environments", "run")
_VERSION = 1
_VARIABLE = re.compile(r"\{\{\s*vars\.([^{}]*?)\s*\}\}")


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """One configuration file, parsed and not yet interpolated."""

    where: str
    """Its place in the manifest, for messages."""
    tables: dict[str, Any]
    """Those of the tables `project`, `workflow`, `environments` and `run` that it has."""
    variables: frozenset[str]
    """The names that its strings refer to as `{{ vars.NAME }}`."""


def read_layer(source: str, where: str) -> Layer:
    """The settings in a TOML text. Raises `InvalidRequest`; types are checked when layers meet."""
    document = parse_toml(source, where)
    version = document.get("_version", _VERSION)
    if version is True or version != _VERSION:
        raise InvalidRequest(f"{where}: _version: must be {_VERSION}.")
    tables = {name: document[name] for name in _TABLES if name in document}
    return Layer(where=where, tables=tables, variables=frozenset(_variables(tables)))


def layered_settings(
    layers: Sequence[Layer],
    overrides: Mapping[str, Any],
    *,
    variables: Mapping[str, str],
    environments: Mapping[str, EnvironmentSettings],
) -> WorkflowSettings:
    """The settings that `layers`, lowest first, and then `overrides` amount to.

    `variables` holds at least what the layers name, as far as it exists; `environments` the stored ones by id.
    Raises `InvalidRequest` for an unknown variable, a wrong type or an unknown environment.
    """
    merged: dict[str, Any] = {"environments": _stored(environments), "run": {}}
    for layer in layers:
        merged = _merge(merged, _interpolated(layer, variables))
        _typed(merged, layer.where)  # layer by layer, so that the message names the file at fault
    merged = _merge(merged, overrides)
    merged["run"]["environment"] = _selected(merged)
    _name_servers(merged["run"])
    return _typed(merged, "settings")


def _stored(environments: Mapping[str, EnvironmentSettings]) -> dict[str, Any]:
    known = {DEFAULT_ENVIRONMENT: EnvironmentSettings(), **environments}
    return {environment_id: msgspec.to_builtins(environment) for environment_id, environment in known.items()}


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Tables merge by key, everything else replaces."""
    merged = dict(below)
    for key, value in above.items():
        lower = merged.get(key)
        merged[key] = _merge(lower if isinstance(lower, dict) else {}, value) if isinstance(value, dict) else value
    return merged


def _typed(merged: dict[str, Any], where: str) -> WorkflowSettings:
    try:
        return msgspec.convert(merged, WorkflowSettings)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"{where}: {type_fault(error).line()}") from None


def _selected(merged: Mapping[str, Any]) -> dict[str, Any]:
    """The environment that the run names, under what the run itself says about it."""
    own = merged["run"].get("environment", {})
    environment_id = own.get("id", DEFAULT_ENVIRONMENT)
    environments = merged["environments"]
    if environment_id not in environments:
        known = ", ".join(sorted(environments)[:10])
        raise InvalidRequest(f'run.environment.id: there is no environment "{environment_id}"; known are {known}.')
    return {**_merge(environments[environment_id], own), "id": environment_id}


def _name_servers(run: dict[str, Any]) -> None:
    """An MCP server without a name is called what its table is called."""
    for key, server in run.get("agent", {}).get("mcps", {}).items():
        server.setdefault("name", key)


# -- variables --------------------------------------------------------------------------------------------------


def _variables(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield from (match[1] for match in _VARIABLE.finditer(value))
        case dict():
            for item in value.values():
                yield from _variables(item)
        case list():
            for item in value:
                yield from _variables(item)


def _interpolated(layer: Layer, variables: Mapping[str, str]) -> dict[str, Any]:
    if not layer.variables:
        return layer.tables
    for name in sorted(layer.variables):
        if name not in variables:
            raise InvalidRequest(f'{layer.where}: there is no variable "{name}".')
    interpolation = _Interpolation(layer.where, variables)
    return {name: interpolation.of(table) for name, table in layer.tables.items()}


class _Interpolation:
    """Replaces `{{ vars.NAME }}` once: what a variable holds is not looked at again."""

    def __init__(self, where: str, variables: Mapping[str, str]) -> None:
        self._where = where
        self._variables = variables
        self._chars_left = MAX_INTERPOLATED_CHARS

    def of(self, value: Any) -> Any:
        match value:
            case str():
                return _VARIABLE.sub(self._replacement, value)
            case dict():
                return {key: self.of(item) for key, item in value.items()}
            case list():
                return [self.of(item) for item in value]
            case _:
                return value

    def _replacement(self, match: re.Match[str]) -> str:
        text = self._variables[match[1]]
        self._chars_left -= len(text)
        if self._chars_left < 0:
            raise InvalidRequest(f"{self._where}: the variables come to more than {MAX_INTERPOLATED_CHARS} characters.")
        return text
