"""What the server answers: every endpoint of the core. Extensions' routes are in `fabro_core.http.extensions`."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from fabro_core.api.account import account, auth_sessions, cli_tokens, sign_in
from fabro_core.api.resources import (
    automations,
    environments,
    mcp_servers,
    models,
    repositories,
    sandboxes,
    secrets,
    variables,
    workflow_versions,
)
from fabro_core.api.runs import (
    artifacts,
    attach,
    automation_runs,
    batch,
    billing,
    blobs,
    events,
    lifecycle,
    pairs,
    pull_requests,
    questions,
    read_models,
    run_files,
    run_logs,
    runs,
    sessions,
    steering,
    validation,
    workers,
)
from fabro_core.api.server import diagnostics, discovery, integrations, placeholders, resources, settings, system
from fabro_core.http.endpoint import Endpoint
from fabro_core.web import account as account_page
from fabro_core.web import cli_login, entrance
from fabro_core.web import runs as pages_of_runs

API_PREFIX: Final = "/api/v1"

_AT_THE_ROOT: Final = (discovery,)
_API: Final = (
    account,
    auth_sessions,
    runs,
    lifecycle,
    read_models,
    billing,
    validation,
    questions,
    steering,
    pairs,
    sessions,
    pull_requests,
    events,
    attach,
    workers,
    blobs,
    artifacts,
    run_logs,
    run_files,
    batch,
    variables,
    secrets,
    environments,
    mcp_servers,
    workflow_versions,
    automations,
    automation_runs,
    models,
    sandboxes,
    repositories,
    settings,
    system,
    integrations,
    resources,
    diagnostics,
    placeholders,
)
_FOR_BROWSERS: Final = (sign_in, cli_tokens, cli_login, entrance, pages_of_runs, account_page)


def endpoints(*, web_enabled: bool) -> tuple[Endpoint, ...]:
    """The endpoints of an application; pages, and what signs people in with a browser, only with web (auth.md A2)."""
    at_the_root = (*_AT_THE_ROOT, *_FOR_BROWSERS) if web_enabled else _AT_THE_ROOT
    return (
        *(each for module in at_the_root for each in module.ROUTES),
        *(replace(each, path=API_PREFIX + each.path) for module in _API for each in module.ROUTES),
    )
