"""The JSON Schema of the settings file (draft 2020-12), for editors and for checking files elsewhere.

Made from the Structs that the reader uses, so both know the same keys. It admits every file that the reader admits;
what only the reader can judge (whether a plugin is selected, whether a URL has a host) it leaves open.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec.structs import FieldInfo

from fabro_core.config.descriptions import field_descriptions, table_description
from fabro_core.config.live_fields import admits, allow_list_fields, is_live
from fabro_core.config.load import FILLED_IN
from fabro_core.config.secrets import SecretVariable
from fabro_core.config.sections import Section, settings_file
from fabro_core.config.shapes import (
    ArrayShape,
    PathShape,
    ScalarShape,
    TableShape,
    VariantShape,
    forms_of,
    secret_of,
    shape_of,
)
from fabro_core.config.tables import join

JsonObject = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_OF_LIVE: Final = "Takes effect while the server runs."

_CITATION: Final = re.compile(r" \([a-z]+\.md [A-Z]\d[^)]*\)")
"""Where a rule comes from is for readers of the source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginTable:
    """An installed plugin, as far as the settings file is concerned."""

    section: Section
    """Where plugins of its kind are named."""
    name: str
    origin: str
    """Distribution and version, as in `fabro-auth-github 1.0.0`."""
    struct: type[msgspec.Struct] | None
    """The Struct of its table; None when it is not known, so that any table is admitted."""


def settings_schema(plugins: Sequence[PluginTable], sections: Sequence[Section]) -> JsonObject:
    """The schema of a file for the core and these plugins, which are named in `sections`."""
    writer = _Writer(plugins, sections)
    schema = writer.table(settings_file(sections), "")
    tables = schema["properties"]["server"]["properties"]
    for plugin in plugins:
        tables[plugin.section.name]["properties"].setdefault(plugin.name, writer.plugin_table(plugin))
    definitions = {"$defs": writer.definitions} if writer.definitions else {}
    return {"$schema": DIALECT, **schema, "title": "Settings of Fabro Server", **definitions}


class _Writer:
    """Writes schemas, and collects the definitions that they refer to."""

    def __init__(self, plugins: Sequence[PluginTable], sections: Sequence[Section]) -> None:
        self.definitions: JsonObject = {}
        self._names = {section.names_key: _selectable(plugins, section) for section in sections}

    def table(self, struct: type[msgspec.Struct], path: str) -> JsonObject:
        descriptions = field_descriptions(struct)
        fields = msgspec.structs.fields(struct)
        properties = {
            field.encode_name: self._field(field, join(path, field.encode_name), descriptions.get(field.name))
            for field in fields
        }
        required = [field.encode_name for field in fields if _is_required(field, path)]
        return {
            "title": f"[{path}]",
            **_described(table_description(struct)),
            "type": "object",
            "properties": properties,
            **({"required": required} if required else {}),
            **_some_of(allow_list_fields(struct)),
            "additionalProperties": False,
        }

    def plugin_table(self, plugin: PluginTable) -> JsonObject:
        path = join(plugin.section.path, plugin.name)
        schema: JsonObject = {"type": "object"} if plugin.struct is None else self.table(plugin.struct, path)
        description = " ".join([*filter(None, [schema.get("description")]), f"Settings of {plugin.origin}."])
        return {**schema, "title": f"[{path}]", "description": description}

    def _field(self, field: FieldInfo, path: str, description: str | None) -> JsonObject:
        secret = secret_of(field.type)
        if secret is not None:
            return {"title": path, "description": _of_secret(secret, description), "not": {}}
        schema = self._value(field.type, path)
        if admits(field.type) and field.required:
            schema = {**schema, "minItems": 1}
        live = [_OF_LIVE] if is_live(field.type) else []
        expected = [f"Expected: {form.expected}." for form in forms_of(field.type)]
        whole = " ".join([*filter(None, [description or schema.get("description")]), *live, *expected])
        return {**schema, "title": schema.get("title", path), **_described(whole), **_default(field)}

    def _value(self, kind: Any, path: str) -> JsonObject:
        schema = self._shaped(kind, path)
        for form in forms_of(kind):
            schema = {**schema, **form.schema}
        if names := self._names.get(path):
            schema |= {"items": {"enum": names}} if "items" in schema else {"enum": names}
        return schema

    def _shaped(self, kind: Any, path: str) -> JsonObject:
        match shape_of(kind):
            case TableShape(struct=struct):
                return self.table(struct, path)
            case VariantShape(tag_field=tag_field, structs=structs):
                return {"oneOf": [self._variant(struct, tag_field, tag, path) for tag, struct in structs.items()]}
            case ArrayShape(item=item):
                return {"type": "array", "items": self._value(item, f"{path}[]")}
            case PathShape():
                return {"type": "string", "minLength": 1}
            case ScalarShape(kind=scalar, form=form):
                return {} if form is not None and form.schema else self._scalar(scalar, path)

    def _variant(self, struct: type[msgspec.Struct], tag_field: str, tag: str, path: str) -> JsonObject:
        schema = self.table(struct, path)
        tagged = {"title": join(path, tag_field), "const": tag, **_described(schema.get("description"))}
        return {
            **schema,
            "properties": {tag_field: tagged, **schema["properties"]},
            "required": [tag_field, *schema.get("required", [])],
        }

    def _scalar(self, kind: Any, path: str) -> JsonObject:
        """As msgspec describes it, without null, which TOML does not have."""
        prefix = re.sub(r"[^A-Za-z0-9_.-]", "", path)
        try:
            (schema,), components = msgspec.json.schema_components([kind], ref_template=f"#/$defs/{prefix}.{{name}}")
        except TypeError:  # a type of the plugin's own, which only its decoding hook knows
            return {}
        self.definitions |= {f"{prefix}.{name}": component for name, component in components.items()}
        choices = [choice for choice in schema.pop("anyOf", []) if choice != {"type": "null"}]
        return {**schema, **(choices[0] if len(choices) == 1 else {"anyOf": choices} if choices else {})}


def _selectable(plugins: Sequence[PluginTable], section: Section) -> list[str]:
    """What the key of a section may say; empty: nothing is known to be installed, so any name is admitted."""
    names = [plugin.name for plugin in plugins if plugin.section == section]
    return [*names, section.nothing] if names and section.nothing is not None else names


def _is_required(field: FieldInfo, parent: str) -> bool:
    """Whether the file must have the key; a table whose keys are all optional may be left out (server.md S14)."""
    path = join(parent, field.encode_name)
    if not field.required or path in FILLED_IN or secret_of(field.type) is not None:
        return False
    shape = shape_of(field.type)
    if isinstance(shape, TableShape):
        return any(_is_required(inner, path) for inner in msgspec.structs.fields(shape.struct))
    return True


def _of_secret(secret: SecretVariable, description: str | None) -> str:
    where = f"A secret, never in this file: set the environment variable {secret.name}."
    return f"{description} {where}" if description else where


def _some_of(allow_lists: Sequence[FieldInfo]) -> JsonObject:
    """At least one of the lists of who is let in has an entry, if none is required and none has one by default."""
    if not allow_lists or any(field.required or field.default for field in allow_lists):
        return {}
    names = [field.encode_name for field in allow_lists]
    return {"anyOf": [{"required": [name], "properties": {name: {"minItems": 1}}} for name in names]}


def _described(description: str | None) -> Mapping[str, str]:
    return {"description": _CITATION.sub("", description)} if description else {}


def _default(field: FieldInfo) -> JsonObject:
    default = field.default
    if default is msgspec.NODEFAULT and field.default_factory in (list, dict, tuple, set):
        default = field.default_factory()
    if default is msgspec.NODEFAULT or default is None or isinstance(default, msgspec.Struct):
        return {}
    return {"default": msgspec.json.decode(msgspec.json.encode(default, enc_hook=str))}
