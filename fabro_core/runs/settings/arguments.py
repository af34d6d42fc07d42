"""The topmost layer: the options of the client's command line (run-settings.md T5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeVar

import msgspec

from fabro_core.errors import InvalidRequest
from fabro_core.models.manifest import ManifestArgs
from fabro_core.models.setting_origins import SettingsLayer
from fabro_core.runs.settings.layers import Layer
from fabro_core.runs.settings.model import Execution, Model, Run, SettingsFile
from fabro_core.runs.settings.model_environment import Lifecycle, RunEnvironment
from fabro_core.runs.settings.toml_text import UnreadableToml, fits_json, read_value

MAX_INPUTS: Final = 1_000
"""Bounds the time that reading them takes."""

T = TypeVar("T")

InputValue = str | bool | int | float


class Arguments(msgspec.Struct, frozen=True, kw_only=True):
    """The options as a layer, and the inputs beside it: they are laid over those of the files one by one."""

    layer: Layer
    inputs: Mapping[str, InputValue]


def read_arguments(args: ManifestArgs) -> Arguments:
    """Takes the options apart. Raises `InvalidRequest` for an input that is none."""
    if len(args.input) > MAX_INPUTS:
        raise InvalidRequest(f"args.input: more than {MAX_INPUTS} entries.")
    run = Run(
        model=Model(name=_given(args.model), provider=_given(args.provider)),
        environment=RunEnvironment(
            id=_given(args.environment), lifecycle=Lifecycle(preserve=_chosen(args.preserve_sandbox, True, False))
        ),
        execution=Execution(
            mode=_chosen(args.dry_run, "dry_run", "normal"), approval=_chosen(args.auto_approve, "auto", "prompt")
        ),
        metadata=dict(_labels(args)),
    )
    layer = Layer(kind=SettingsLayer.ARGUMENT, settings=SettingsFile(run=run))
    return Arguments(layer=layer, inputs=dict(_inputs(args)))


def _labels(args: ManifestArgs) -> Iterator[tuple[str, str]]:
    """Entries without `=` are dropped (runs.md R5.4)."""
    for entry in args.label:
        key, equals, value = entry.partition("=")
        if equals:
            yield key, value


def _inputs(args: ManifestArgs) -> Iterator[tuple[str, InputValue]]:
    for index, entry in enumerate(args.input):
        where = f"args.input[{index}]"
        key, equals, value = entry.partition("=")
        if not equals or not key.strip():
            raise InvalidRequest(f"{where}: must be KEY=VALUE.")
        yield key.strip(), _input_value(value, where)


def _input_value(text: str, where: str) -> InputValue:
    """A TOML scalar keeps its type; any other text is itself, as are numbers that JSON cannot hold."""
    if text.lstrip()[:1] not in _FIRST_OF_VALUE:
        return text
    try:
        value = read_value(text)
    except UnreadableToml:
        return text
    match value:
        case str() | bool():
            return value
        case int() | float():
            return value if fits_json(value) else text
        case _:
            raise InvalidRequest(f"{where}: an input must be a text, a number or true or false.")


_FIRST_OF_VALUE: Final = frozenset("\"'[{+-0123456789tfin")


def _given(text: str | msgspec.UnsetType) -> str | None:
    return None if text is msgspec.UNSET else text


def _chosen(option: bool | msgspec.UnsetType, yes: T, no: T) -> T | None:
    if option is msgspec.UNSET:
        return None
    return yes if option else no
