"""MCP servers in settings files: tools that agents of a run can use (run-settings.md T4.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from fabro_core.near import near_match
from fabro_core.runs.settings.faults import listed, quoted
from fabro_core.runs.settings.kinds import (
    Command,
    Duration,
    FileTable,
    Flag,
    Port,
    Text,
    Unfit,
    VariableText,
    Variant,
    VariantKind,
)
from fabro_core.runs.settings.table import Default, Rule

Protocol = Literal["streamable_http", "sse"]


class McpEntry(FileTable, frozen=True, kw_only=True):
    """What all entries have."""

    enabled: Annotated[Flag | None, Rule.SET, Default(True)] = None
    """False: the run does without this server."""


class McpReference(McpEntry, frozen=True, kw_only=True):
    """A server that the Fabro server keeps."""

    id: Annotated[Text, Rule.SET]
    """Its id there."""


class InlineServer(McpEntry, frozen=True, kw_only=True):
    """What all servers have that the file itself describes."""

    startup_timeout: Annotated[Duration | None, Rule.SET, Default("10s")] = None
    """How long it may take to start."""
    tool_timeout: Annotated[Duration | None, Rule.SET, Default("60s")] = None
    """How long a tool may take."""


class StdioServer(InlineServer, frozen=True, kw_only=True):
    """A program that is talked to through its standard streams: either `script` or `command`."""

    exactly_one_of = ("script", "command")

    type: Annotated[Literal["stdio"], Rule.SET]
    """Says so."""
    script: Annotated[VariableText | None, Rule.SET] = None
    """Source for `sh`."""
    command: Annotated[Command | None, Rule.SET] = None
    """A program and its arguments."""
    env: Annotated[dict[str, VariableText] | None, Rule.SET, Default({})] = None
    """Environment variables of the program."""


class HttpServer(InlineServer, frozen=True, kw_only=True):
    """A server that is reached over HTTP."""

    type: Annotated[Literal["http"], Rule.SET]
    """Says so."""
    url: Annotated[VariableText, Rule.SET]
    """Where it is."""
    headers: Annotated[dict[str, VariableText] | None, Rule.SET, Default({})] = None
    """Headers of every request."""
    protocol: Annotated[Protocol | None, Rule.SET, Default("streamable_http")] = None
    """What it speaks."""


class SandboxServer(InlineServer, frozen=True, kw_only=True):
    """A program inside the sandbox that is reached over HTTP: either `script` or `command`."""

    exactly_one_of = ("script", "command")

    type: Annotated[Literal["sandbox"], Rule.SET]
    """Says so."""
    script: Annotated[VariableText | None, Rule.SET] = None
    """Source for `bash`."""
    command: Annotated[Command | None, Rule.SET] = None
    """A program and its arguments."""
    port: Annotated[Port, Rule.SET]
    """Where it listens."""
    env: Annotated[dict[str, VariableText] | None, Rule.SET, Default({})] = None
    """Environment variables of the program."""
    protocol: Annotated[Protocol | None, Rule.SET, Default("streamable_http")] = None
    """What it speaks."""


_REFERENCE: Final = Variant("reference to a stored server", McpReference, "`id`")
_INLINE: Final = {
    "stdio": Variant('server of type "stdio"', StdioServer, '`type = "stdio"`'),
    "http": Variant('server of type "http"', HttpServer, '`type = "http"`'),
    "sandbox": Variant('server of type "sandbox"', SandboxServer, '`type = "sandbox"`'),
}


def _choose(table: Mapping[str, object]) -> Variant:
    types = listed(map(quoted, _INLINE))
    if "id" in table and "type" in table:
        raise Unfit(f"has id and type: a reference has only id and enabled, a server of its own a type ({types})")
    if "id" in table:
        return _REFERENCE
    kind = table.get("type")
    if isinstance(kind, str) and kind in _INLINE:
        return _INLINE[kind]
    if "type" not in table:
        raise Unfit(f"needs either id, for a stored server, or type: {types}")
    near = near_match(kind, _INLINE) if isinstance(kind, str) else None
    hint = f"; did you mean {quoted(near)}?" if near else ""
    raise Unfit(f"has a type that there is not; it must be {types}{hint}")


MCP_ENTRY: Final = VariantKind((_REFERENCE, *_INLINE.values()), _choose)
