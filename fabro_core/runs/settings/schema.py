"""The JSON Schema of a settings file of runs (draft 2020-12), for editors and for checking files elsewhere.

It admits every file that the reader admits; what only the whole of a run's settings tells (whether an environment is
known, whether a file was sent along) it leaves open.
"""

from __future__ import annotations

from typing import Final

from fabro_core.config.descriptions import field_descriptions, table_description
from fabro_core.runs.settings.kinds import (
    FileTable,
    JsonObject,
    Kind,
    Leaf,
    ListKind,
    MapKind,
    TableKind,
    TextOrTableKind,
    VariantKind,
)
from fabro_core.runs.settings.model import SettingsFile
from fabro_core.runs.settings.older import LLM_KEYS
from fabro_core.runs.settings.reading import FILE_VERSION
from fabro_core.runs.settings.table import Field, fields_of

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_FOREIGN: Final = "Of other programs; has no effect on runs."


def run_settings_schema() -> JsonObject:
    """The schema of `workflow.toml`, `project.toml` and the user's `settings.toml`."""
    schema = _table(SettingsFile, "")
    older = {"anyOf": [{"type": "object", "required": [key]} for key in LLM_KEYS]}
    schema["properties"] = {
        "_version": {"title": "_version", "description": "The form of the file.", "const": FILE_VERSION},
        **schema["properties"],
        "cli": {"description": _FOREIGN},
        "server": {"description": _FOREIGN},
        "llm": {"description": _FOREIGN, "not": older},
    }
    return {"$schema": DIALECT, **schema, "title": "Settings of runs of Fabro"}


def _table(table: type[FileTable], path: str) -> JsonObject:
    fields, meanings = fields_of(table), field_descriptions(table)
    required = [name for name, field in fields.items() if field.required]
    exclusive = [{"required": [key]} for key in table.exactly_one_of]
    return {
        "title": f"[{path}]",
        "description": table_description(table) or "",
        "type": "object",
        "properties": {
            name: _field(field, f"{path}.{name}".removeprefix("."), meanings.get(name, ""))
            for name, field in fields.items()
        },
        **({"required": required} if required else {}),
        **({"oneOf": exclusive} if exclusive else {}),
        "additionalProperties": False,
    }


def _field(field: Field, path: str, meaning: str) -> JsonObject:
    schema = _value(field.kind, path)
    default = {} if field.default is None else {"default": field.default.value}
    if isinstance(field.kind, TableKind):
        return {**schema, **default}
    return {"title": path, "description": meaning, **schema, **default}


def _value(kind: Kind, path: str) -> JsonObject:
    match kind:
        case Leaf():
            return kind.schema()
        case ListKind(item=item, not_empty=not_empty):
            least = {"minItems": 1} if not_empty else {}
            return {"type": "array", "items": _value(item, f"{path}[]"), **least}
        case MapKind(item=item):
            return {"type": "object", "additionalProperties": _value(item, f"{path}.<name>")}
        case TableKind(table=table):
            return _table(table, path)
        case TextOrTableKind(text=text, table=table):
            return {"anyOf": [text.schema(), _table(table, path)]}
        case VariantKind(variants=variants):
            return {"oneOf": [_table(each.table, path) for each in variants]}
        case _:
            raise TypeError(type(kind).__name__)
