"""Operations of the API that this server only names: 501 to whoever may ask, before anything else (resources.md X15).

Clients that were made from the API document find them, and learn why nothing comes of it.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from fabro_core.errors import NotSupported
from fabro_core.http.call import Call
from fabro_core.http.endpoint import Endpoint
from fabro_core.http.operation import operation
from fabro_core.http.reply import Reply

_CATALOGUE: Final = "A server keeps no catalogue of workflows: a run brings its own."
_INSIGHTS: Final = "There is no analytical database to ask."
_MODELS: Final = "The server itself speaks to no model."
_SANDBOXES: Final = "Nothing here starts sandboxes that could be looked into."
_TURNS: Final = "Conversations of stages are told by their events."


class Placeholder(msgspec.Struct, frozen=True):
    """An operation that answers 501."""

    method: str
    path: str
    id: str
    """The `operationId`, as existing clients know it."""
    tag: str
    summary: str
    reason: str
    """Why it answers nothing else, for the reference."""


PLACEHOLDERS: Final = (
    Placeholder("GET", "/workflows", "listWorkflows", "Workflows", "List workflows", _CATALOGUE),
    Placeholder("GET", "/workflows/{name}", "retrieveWorkflow", "Workflows", "Get a workflow", _CATALOGUE),
    Placeholder("GET", "/workflows/{name}/runs", "listWorkflowRuns", "Workflows", "List its runs", _CATALOGUE),
    Placeholder("GET", "/insights/queries", "listSavedQueries", "Insights", "List saved queries", _INSIGHTS),
    Placeholder("POST", "/insights/queries", "createSavedQuery", "Insights", "Save a query", _INSIGHTS),
    Placeholder("GET", "/insights/queries/{id}", "retrieveSavedQuery", "Insights", "Get a saved query", _INSIGHTS),
    Placeholder("PUT", "/insights/queries/{id}", "updateSavedQuery", "Insights", "Change a saved query", _INSIGHTS),
    Placeholder("DELETE", "/insights/queries/{id}", "deleteSavedQuery", "Insights", "Delete a saved query", _INSIGHTS),
    Placeholder("POST", "/insights/execute", "executeQuery", "Insights", "Run a query", _INSIGHTS),
    Placeholder("GET", "/insights/history", "listQueryHistory", "Insights", "List queries that were run", _INSIGHTS),
    Placeholder("POST", "/completions", "createCompletion", "Completions", "Complete a prompt", _MODELS),
    Placeholder("POST", "/playground/chat", "createPlaygroundChat", "Playground", "Chat with a model", _MODELS),
    Placeholder(
        "GET", "/runs/{id}/sandbox", "retrieveRunSandbox", "Human-in-the-Loop", "Get a run's sandbox", _SANDBOXES
    ),
    Placeholder(
        "GET",
        "/runs/{id}/sandbox/services",
        "listSandboxServices",
        "Human-in-the-Loop",
        "List services in a sandbox",
        _SANDBOXES,
    ),
    Placeholder(
        "GET",
        "/runs/{id}/sandbox/files",
        "listSandboxFiles",
        "Human-in-the-Loop",
        "List files of a sandbox",
        _SANDBOXES,
    ),
    Placeholder(
        "GET", "/runs/{id}/sandbox/file", "getSandboxFile", "Human-in-the-Loop", "Read a file of a sandbox", _SANDBOXES
    ),
    Placeholder(
        "PUT", "/runs/{id}/sandbox/file", "putSandboxFile", "Human-in-the-Loop", "Write a file of a sandbox", _SANDBOXES
    ),
    Placeholder(
        "POST",
        "/runs/{id}/sandbox/vnc",
        "createSandboxVncPreview",
        "Human-in-the-Loop",
        "Open the screen of a sandbox",
        _SANDBOXES,
    ),
    Placeholder(
        "POST", "/runs/{id}/ssh", "createRunSshAccess", "Human-in-the-Loop", "Open a shell in a sandbox", _SANDBOXES
    ),
    Placeholder(
        "POST", "/runs/{id}/preview", "generatePreviewUrl", "Human-in-the-Loop", "Open a port of a sandbox", _SANDBOXES
    ),
    Placeholder(
        "GET", "/runs/{id}/stages/{stageId}/turns", "listStageTurns", "Run Internals", "List a stage's turns", _TURNS
    ),
)
"""All of them."""


async def _refuse(call: Call) -> Reply:
    raise NotSupported("Not implemented.")


def _endpoint(of: Placeholder) -> Endpoint:
    """Its endpoint, which reads neither path nor body. Its answers are those of an error alone."""
    no_answers: dict[int, Any] = {}
    declared = operation(
        of.method, of.path, id=of.id, tag=of.tag, summary=of.summary, answers=no_answers, errors=(501,)
    )
    return declared(_refuse)


ROUTES: Final = tuple(map(_endpoint, PLACEHOLDERS))
