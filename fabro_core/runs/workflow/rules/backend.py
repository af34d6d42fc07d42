"""The rule about who executes an agent: the server's own model calls, or a process (language.md L13.1)."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import msgspec

from fabro_core.models.graph import Handler, WorkflowDiagnostic
from fabro_core.runs.workflow.attributes import NODE, fits, text_of
from fabro_core.runs.workflow.draft import DraftNode
from fabro_core.runs.workflow.rules.subject import Subject, is_blank, of_node

BACKENDS = ("api", "acp")
_OF_MODEL_CALLS = ("model", "provider", "reasoning_effort", "max_tokens", "speed")
_PROCESS = ("acp.command", "acp.config")


class _Process(msgspec.Struct, frozen=True):
    """What `acp.config` has to be."""

    command: str
    type: str = "stdio"
    name: str = ""
    args: tuple[str, ...] = ()
    env: tuple[msgspec.Raw, ...] = ()


def backend_valid(subject: Subject) -> Iterator[WorkflowDiagnostic]:
    """A backend is one that there is, and an external one is told which process to start."""
    for node in subject.nodes:
        backend = text_of(node.attrs, "backend")
        if backend is None or backend == "api":
            continue
        if backend not in BACKENDS:
            yield _unknown(subject, node, backend)
        else:
            for message, key, fix in _faults(subject, node):
                said = f'Node "{node.id}" with backend "acp": {message}.'
                yield of_node(node, "backend_valid", "error", said, key=key, fix=fix)


def _unknown(subject: Subject, node: DraftNode, backend: str) -> WorkflowDiagnostic:
    use = "Use api for calls of a model, or acp with acp.command for an agent process of your own."
    if backend == "cli":
        message, fix = f'The backend "cli" of node "{node.id}" was removed.', use
    else:
        message = f'The backend "{backend}" of node "{node.id}" is not known.'
        fix = subject.meant(backend, BACKENDS, use)
    return of_node(node, "backend_valid", "error", message, key="backend", fix=fix)


def _faults(subject: Subject, node: DraftNode) -> Iterator[tuple[str, str, str]]:
    """Message, attribute and advice, in the order of L13.1."""
    handler = subject.handler(node.id)
    if handler not in (Handler.AGENT, None):
        yield f"only agents can be external, this is {handler}", "backend", "Use backend=api, or make it an agent."
    if "acp_command" in node.attrs:
        yield "acp_command was renamed", "acp_command", "Rename acp_command to acp.command."
    else:
        yield from _process_faults(node)
    inert = [key for key in _OF_MODEL_CALLS if key in node.attrs and fits(NODE, key, node.attrs[key])]
    if inert:
        message = f"{', '.join(inert)} cannot be passed on to the process"
        yield message, inert[0], f"Remove {', '.join(inert)}, from a stylesheet or a placeholder too."


def _process_faults(node: DraftNode) -> Iterator[tuple[str, str, str]]:
    stated = [key for key in _PROCESS if text_of(node.attrs, key) is not None]
    if len(stated) != 1:
        message = f"exactly one of acp.command and acp.config is needed, there are {len(stated)}"
        fix = "Set acp.command to a shell command, or acp.config to a JSON object with a command."
        yield message, stated[-1] if stated else "backend", fix
    for key in stated:
        if is_blank(node.attrs, key):
            yield f"{key} is blank", key, "Say which process to start."
    command, config = (text_of(node.attrs, key) for key in _PROCESS)
    if command and command.strip():
        try:
            shlex.split(command)
        except ValueError as error:
            yield (
                f"acp.command is no shell command ({error})",
                "acp.command",
                "Close quotes, and end it in no backslash.",
            )
    if config and config.strip() and (reason := _config_fault(config)):
        fix = 'Write JSON like {"command": "agent", "args": ["--acp"]}.'
        yield f"acp.config is no description of a process ({reason})", "acp.config", fix


def _config_fault(config: str) -> str | None:
    try:
        process = msgspec.json.decode(config, type=_Process)
    except (msgspec.MsgspecError, RecursionError) as error:
        return str(error) or "nested too deeply"
    if process.type != "stdio":
        return f'the type is "{process.type}", not "stdio"'
    return None if process.command.strip() else "the command is empty"
