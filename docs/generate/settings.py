"""The reference of settings, from the Structs of the core and of the first-party plugins."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec

from docs.generate.markdown import code, page, table
from fabro_core.config.load import VARIABLES
from fabro_core.config.schema import PluginTable, settings_schema
from fabro_core.config.shapes import secret_of
from fabro_core.config.tables import join
from fabro_core.plugins.declared import declared_tables
from fabro_core.plugins.kinds import KINDS

ROOT: Final = Path(__file__).parents[2]

_EXPECTED: Final = " Expected: "
"""What stands between the description of a key and the form that its value must have."""

_BOUNDS: Final = {"minimum": "at least {}", "maximum": "at most {}"}


@dataclass(frozen=True, slots=True)
class Key:
    """A setting, as its schema describes it."""

    name: str
    """The dotted name in the file."""
    type: str
    rule: str
    """What a value must be beyond its type."""
    default: str
    """As it would be written in the file, marked as code, or "required"; empty when neither is the case."""
    variable: str
    """The environment variable that it is read from, or that overrides it; empty when there is none."""
    meaning: str


def write() -> str:
    """The page."""
    keys = list(settings())
    tables = list(dict.fromkeys(key.name.rpartition(".")[0] for key in keys))
    introduction = (
        "Every key of the settings file, of the core and of the plugins that are released with it."
        " `fabro settings schema` prints the same for all installed plugins, as a JSON Schema."
        " A key with an environment variable and no type is a secret: it is read from the variable and refused in the"
        " file."
    )
    return page("Settings", introduction, *(_section(name, keys) for name in tables))


def settings() -> Iterator[Key]:
    """Every setting, table by table."""
    plugins = [plugin for plugin in declared_tables([]) if plugin.origin.split(" ")[0] in _first_party()]
    yield from _keys(settings_schema(plugins, KINDS.sections), dict(_secrets(plugins)))


def _section(name: str, keys: list[Key]) -> str:
    rows = [
        (code(key.name), key.type, key.rule, key.default, code(key.variable), key.meaning)
        for key in keys
        if key.name.rpartition(".")[0] == name
    ]
    heading = f"`[{name}]`" if name else "Top level"
    return f"## {heading}\n\n" + table(("Key", "Type", "Rule", "Default", "Variable", "Meaning"), rows)


def _first_party() -> set[str]:
    projects = [ROOT / "pyproject.toml", *ROOT.glob("plugins/*/pyproject.toml")]
    return {tomllib.loads(path.read_text(encoding="utf-8"))["project"]["name"] for path in projects}


def _secrets(plugins: list[PluginTable]) -> Iterator[tuple[str, str]]:
    """The variables of secret keys, by the key."""
    for plugin in plugins:
        for field in msgspec.structs.fields(plugin.struct) if plugin.struct else ():
            secret = secret_of(field.type)
            if secret is not None:
                yield join(join(plugin.section.path, plugin.name), field.encode_name), secret.name


def _keys(schema: dict[str, Any], secrets: dict[str, str]) -> Iterator[Key]:
    required = schema.get("required", [])
    for name, described in schema.get("properties", {}).items():
        key = described["title"].strip("[]")
        if "oneOf" in described:
            yield from _variants(key, described, secrets)
        elif "properties" in described or described.get("type") == "object":
            yield from _keys(described, secrets)
        else:
            yield _key(key, described, secrets.get(key) or VARIABLES.get(key, ""), is_required=name in required)


def _variants(key: str, described: dict[str, Any], secrets: dict[str, str]) -> Iterator[Key]:
    """The key that tells the variants of a table apart, and then the keys of each."""
    variants = described["oneOf"]
    tag_name = variants[0]["required"][0]
    tags = [json.dumps(variant["properties"][tag_name]["const"]) for variant in variants]
    yield Key(f"{key}.{tag_name}", "string", " or ".join(tags), code(tags[0]), "", described["description"])
    for variant, tag in zip(variants, tags, strict=True):
        others = {name: each for name, each in variant["properties"].items() if name != tag_name}
        for inner in _keys({**variant, "properties": others}, secrets):
            yield replace(inner, meaning=f"For {tag_name} {tag}. {inner.meaning}")


def _key(name: str, described: dict[str, Any], variable: str, *, is_required: bool) -> Key:
    meaning, _, expected = described["description"].partition(_EXPECTED)
    default = code(json.dumps(described["default"])) if "default" in described else "required" if is_required else ""
    rule = expected.removesuffix(".") or _choice(described) or _bounds(described)
    return Key(name, _type(described), rule, default, variable, meaning)


def _type(described: dict[str, Any]) -> str:
    if "not" in described:
        return ""
    values = described.get("enum") or [described.get("const", "")]
    return str(described.get("type") or ("integer" if isinstance(values[0], int) else "string"))


def _choice(described: dict[str, Any]) -> str:
    return " or ".join(json.dumps(value) for value in described.get("enum", ()))


def _bounds(described: dict[str, Any]) -> str:
    return ", ".join(text.format(described[name]) for name, text in _BOUNDS.items() if name in described)
