"""The command-line options in a manifest: `label` and `input` entries and what they mean (runs.md R8.3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from fabro_core.errors import InvalidRequest
from fabro_core.models.manifest import ManifestArgs
from fabro_core.runs.create.toml_source import parse_toml

MAX_INPUTS = 1_000
"""Bounds the time that reading them takes."""

InputValue = str | bool | int | float


class Arguments(msgspec.Struct, frozen=True, kw_only=True):
    """The options with their entries taken apart."""

    options: ManifestArgs
    labels: Mapping[str, str]
    inputs: Mapping[str, InputValue]

    def overlay(self) -> dict[str, Any]:
        """The options as a settings table: the topmost layer."""
        options = self.options
        run = {
            "model": _given(name=options.model, provider=options.provider),
            "environment": _given(id=options.environment),
            "execution": {
                **({"mode": "dry_run"} if options.dry_run else {}),
                **({"approval": "auto"} if options.auto_approve else {}),
            },
            "metadata": dict(self.labels),
            "inputs": dict(self.inputs),
        }
        if options.preserve_sandbox:
            run["environment"]["lifecycle"] = {"preserve": True}
        return {"run": run}


def read_arguments(args: ManifestArgs) -> Arguments:
    """Takes labels and inputs apart. Raises `InvalidRequest` for an input that is none."""
    if len(args.input) > MAX_INPUTS:
        raise InvalidRequest(f"args.input: more than {MAX_INPUTS} entries.")
    return Arguments(options=args, labels=dict(_labels(args)), inputs=dict(_inputs(args)))


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
    value = _toml_value(text, where)
    if value is None:
        return text
    if isinstance(value, str | bool | int | float):
        return value
    raise InvalidRequest(f"{where}: an input must be a text, a number or a boolean.")


def _toml_value(text: str, where: str) -> Any:
    """The value that the text is in TOML; None when it is no TOML value or more than one.

    After a key a comment or more keys could follow a value, inside a table other entries or the closing brace could:
    what is one value in both places is one value.
    """
    if text.lstrip()[:1] not in _FIRST_OF_VALUE:
        return None
    try:
        document = parse_toml(f"value = {text}", where)
        table = parse_toml(f"table = {{ value = {text} }}", where)
    except InvalidRequest:
        return None
    return document["value"] if table == {"table": document} else None


_FIRST_OF_VALUE = frozenset("\"'[{+-0123456789tfin")


def _given(**options: str | msgspec.UnsetType) -> dict[str, Any]:
    return {key: value for key, value in options.items() if value is not msgspec.UNSET}
