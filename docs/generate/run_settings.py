"""The reference of the settings files of runs, from the table that they are read by."""

from __future__ import annotations

import json
from collections.abc import Iterator

from docs.generate.markdown import code, page, prose, table
from fabro_core.config.descriptions import field_descriptions, table_description
from fabro_core.runs.settings.kinds import (
    AnyKind,
    ChoiceKind,
    DurationKind,
    FileTable,
    Kind,
    ListKind,
    MapKind,
    ModelReferenceKind,
    NumberKind,
    SizeKind,
    TableKind,
    TextKind,
    TextOrTableKind,
    VariantKind,
)
from fabro_core.runs.settings.model import SettingsFile
from fabro_core.runs.settings.older import TOP_LEVEL
from fabro_core.runs.settings.table import Field, fields_of


def write() -> str:
    """The page."""
    introduction = (
        "Every key of `workflow.toml`, `.fabro/project.toml` and the user's `settings.toml`."
        " `fabro settings schema --run` prints the same as a JSON Schema. Texts marked † may hold `{{ vars.NAME }}`."
        " Merge says what becomes of a key that several files have. Under *set*, *whole*, *replace*, *replace!* and"
        " *list* that of the highest file counts; an empty table or list inherits under *replace* and *list* and clears"
        " under *whole* and *replace!*. *By key*, *deep* and *fields* join tables. *Splice* puts the list of the files"
        ' below in the place of `"..."`. *Hooks* replaces entries of the same id and appends the others.'
    )
    older = [(code(key), place) for key, place in TOP_LEVEL.items()]
    sections = [_section(*each) for each in _tables(SettingsFile, "", "")]
    return page("Settings of runs", introduction, *sections, "## Older keys", table(("Key", "Now"), older))


def _tables(struct: type[FileTable], path: str, chosen_by: str) -> Iterator[tuple[type[FileTable], str, str]]:
    if fields_of(struct):
        yield struct, path, chosen_by
    for name, field in fields_of(struct).items():
        yield from _inside(field.kind, f"{path}.{name}".removeprefix("."))


def _inside(kind: Kind, path: str) -> Iterator[tuple[type[FileTable], str, str]]:
    match kind:
        case TableKind(table=struct) | TextOrTableKind(table=struct):
            yield from _tables(struct, path, "")
        case MapKind(item=item):
            yield from _inside(item, f"{path}.<name>")
        case ListKind(item=item):
            yield from _inside(item, f"[{path}]")
        case VariantKind(variants=variants):
            for each in variants:
                yield from _tables(each.table, path, each.chosen_by)


def _section(struct: type[FileTable], path: str, chosen_by: str) -> str:
    meanings = field_descriptions(struct)
    heading = code(f"[{path}]") if path else "Top level"
    rows = [
        (code(name), _type(field.kind), field.rule.value, _default(field), meanings.get(name, ""))
        for name, field in fields_of(struct).items()
    ]
    parts = [
        f"## {heading} with {chosen_by}" if chosen_by else f"## {heading}",
        prose(table_description(struct)),
        table(("Key", "Type", "Merge", "Default", "Meaning"), rows),
    ]
    return "\n\n".join(parts)


def _default(field: Field) -> str:
    if field.default is not None:
        return code(json.dumps(field.default.value))
    return "required" if field.required else ""


def _type(kind: Kind) -> str:
    match kind:
        case TextKind(variables=variables):
            return "text†" if variables else "text"
        case NumberKind(low=low, high=high):
            return f"whole number from {low} to {high}"
        case DurationKind():
            return "duration"
        case SizeKind():
            return "size"
        case ModelReferenceKind():
            return "model"
        case ChoiceKind(choices=choices):
            return " or ".join(code(json.dumps(each)) for each in choices)
        case AnyKind():
            return "any value"
        case ListKind(item=item):
            return f"list of {_type(item)}"
        case MapKind(item=item):
            return f"table of {_type(item)}"
        case TextOrTableKind(text=text):
            return f"{_type(text)} or table"
        case _:
            return kind.words.removeprefix("a ")
