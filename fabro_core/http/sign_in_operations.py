"""How the API document shows signing in: the path of an operation has a method, and the document names each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
from msgspec.structs import replace

from fabro_core.auth.base import LoginOption
from fabro_core.http.operation import Operation

_PLACE = "{method}"


def of_each_method(
    path: str, operation: Operation, options: Mapping[str, LoginOption]
) -> Iterator[tuple[str, Operation]]:
    """Path and description of an operation for each of the auth methods that it is for; `options` are by their names.

    A form is a Struct of its fields, named after the method: `DevTokenLoginRequest`.
    """
    for name, option in options.items():
        if option.kind == operation.sign_in:
            title = "".join(word.capitalize() for word in name.split("-"))
            shown = replace(
                operation,
                id=operation.id.format(method=title),
                summary=operation.summary.format(method=option.label),
                path=None,
                body=_form(f"{title}LoginRequest", option) if option.kind == "form" else None,
            )
            yield path.replace(_PLACE, name), shown


def _form(name: str, option: LoginOption) -> type[msgspec.Struct]:
    fields = [(f"field_{index}", str, msgspec.field(name=field.name)) for index, field in enumerate(option.fields)]
    return_to = ("return_to", str | msgspec.UnsetType, msgspec.UNSET)
    return msgspec.defstruct(name, [*fields, return_to], kw_only=True)
