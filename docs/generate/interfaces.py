"""The references of the interfaces that plugins implement: methods with their promises, records with their fields."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from enum import Enum
from itertools import pairwise
from types import FunctionType
from typing import Any

import msgspec

from docs.generate.markdown import code, page, prose, table
from fabro_core import auth, sessions, store
from fabro_core.auth import base
from fabro_core.config.descriptions import field_descriptions
from fabro_core.sessions import base as responders
from fabro_core.store import records


def write_store() -> str:
    """The page of the store's interface."""
    introduction = (
        "What a store implements, `fabro_core.store.RunStore`, and what it is asked with and answers. Everything said"
        " here is tested by the conformance kit; [Write a store](../write-a-store.md) is the guide."
    )
    structs = [getattr(records, name) for name in vars(records) if name in store.__all__]
    return page("The store interface", introduction, prose(records.__doc__), *_parts(store.RunStore, structs))


def write_auth() -> str:
    """The page of the auth method's interface."""
    introduction = (
        "What an auth method implements, `fabro_core.auth.AuthMethod`, and the records beside it."
        " [Write an auth method](../write-an-auth-method.md) is the guide."
    )
    structs = [getattr(base, name) for name in vars(base) if name in auth.__all__]
    return page("The auth method interface", introduction, *_parts(auth.AuthMethod, structs))


def write_responder() -> str:
    """The page of the responder's interface."""
    introduction = (
        "What replies in sessions implements, `fabro_core.sessions.SessionResponder`, what it may read of a run, and"
        " the records beside them. [Write a responder](../write-a-responder.md) is the guide."
    )
    structs = [getattr(responders, name) for name in vars(responders) if name in sessions.__all__]
    return page(
        "The responder interface",
        introduction,
        *_interface(sessions.SessionResponder),
        *_parts(sessions.RunReader, [each for each in structs if each is not sessions.SessionResponder]),
    )


def _parts(interface: type, records_beside: list[Any]) -> list[str]:
    return [
        *_interface(interface),
        "## Records",
        *(_record(each) for each in records_beside if isinstance(each, type) and each is not interface),
    ]


def _interface(interface: type) -> list[str]:
    methods = [(name, member) for name, member in vars(interface).items() if not name.startswith("_")]
    return [
        f"## {interface.__name__}",
        prose(interface.__doc__),
        *_attributes(interface),
        *(_method(name, member) for name, member in methods if isinstance(member, FunctionType)),
    ]


def _attributes(interface: type) -> Iterator[str]:
    """The table of the class's own attributes, if it has some."""
    (definition,) = ast.parse(inspect.getsource(interface)).body
    assert isinstance(definition, ast.ClassDef)
    rows: list[tuple[str, str, str]] = []
    for statement, following in pairwise(definition.body):
        match statement, following:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=kind), ast.Expr(ast.Constant(str(text))):
                rows.append((code(name), code(ast.unparse(kind)), prose(text)))
    if rows:
        yield table(("Attribute", "Type", "Meaning"), rows)


def _method(name: str, method: FunctionType) -> str:
    plain = inspect.unwrap(method)
    prefix = "async def" if inspect.iscoroutinefunction(plain) else "def"
    required = getattr(method, "__isabstractmethod__", False)
    signature = f"{prefix} {name}{inspect.signature(plain)}".replace("'", "")
    note = "Required." if required else "Has a default."
    return f"### `{name}`\n\n```text\n{signature}\n```\n\n{prose(method.__doc__)}\n\n{note}"


def _record(record: type) -> str:
    heading = f"### `{record.__name__}`"
    if issubclass(record, msgspec.Struct):
        return "\n\n".join(part for part in (heading, prose(record.__dict__.get("__doc__")), _fields(record)) if part)
    values = ", ".join(code(_member(each)) for each in record) if issubclass(record, Enum) else ""
    return "\n\n".join(part for part in (heading, prose(record.__doc__), values) if part)


def _member(member: Enum) -> str:
    return member.value if isinstance(member.value, str) else f"{member.name} = {member.value}"


def _fields(struct: type[msgspec.Struct]) -> str:
    described = field_descriptions(struct)
    rows = [
        (code(field.name), code(_annotation(struct, field.name)), _default(field), prose(described.get(field.name)))
        for field in msgspec.structs.fields(struct)
    ]
    return table(("Field", "Type", "Default", "Meaning"), rows) if rows else ""


def _annotation(struct: type, name: str) -> str:
    return next(str(base.__annotations__[name]) for base in struct.__mro__ if name in base.__annotations__)


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    return code(repr(field.default.value if isinstance(field.default, Enum) else field.default))
