"""What the server answers: every route of the core. Extensions' routes are in `fabro_core.http.extensions`."""

from __future__ import annotations

from copy import copy
from typing import Final

from litestar.handlers import HTTPRouteHandler

from fabro_core.api.account import account, auth_sessions, cli_tokens, redirect_login, sign_in
from fabro_core.api.runs import (
    artifacts,
    attach,
    batch,
    billing,
    blobs,
    events,
    lifecycle,
    pull_requests,
    questions,
    read_models,
    run_files,
    run_logs,
    runs,
    steering,
    validation,
    workers,
)
from fabro_core.api.server import discovery, settings, system
from fabro_core.web import cli_login
from fabro_core.web.routes import PAGES

API_PREFIX: Final = "/api/v1"

_DISCOVERY: Final = (
    discovery.get_root,
    discovery.get_health,
    discovery.get_ready,
    discovery.get_api_health,
    discovery.get_openapi,
)
_API: Final = (
    account.get_user,
    account.get_auth_me,
    account.get_auth_config,
    auth_sessions.list_auth_sessions,
    auth_sessions.delete_auth_session,
    runs.list_runs,
    runs.create_run,
    runs.resolve_run,
    runs.retrieve_run,
    runs.update_run,
    runs.delete_run,
    runs.link_run_parent,
    runs.unlink_run_parent,
    runs.cancel_run,
    runs.archive_run,
    runs.unarchive_run,
    lifecycle.start_run,
    lifecycle.approve_run,
    lifecycle.deny_run,
    lifecycle.pause_run,
    lifecycle.unpause_run,
    lifecycle.retry_run,
    lifecycle.fork_run,
    lifecycle.rewind_run,
    lifecycle.get_run_timeline,
    read_models.get_run_state,
    read_models.list_run_stages,
    read_models.get_run_stage_context_window,
    read_models.retrieve_run_checkpoint,
    read_models.retrieve_run_settings,
    read_models.retrieve_run_graph_source,
    read_models.retrieve_run_graph,
    billing.retrieve_run_billing,
    billing.get_aggregate_billing,
    validation.validate_run_manifest,
    validation.run_preflight,
    validation.render_workflow_graph,
    questions.list_run_questions,
    questions.submit_run_answer,
    steering.steer_run,
    steering.interrupt_run,
    pull_requests.link_run_pull_request,
    pull_requests.unlink_run_pull_request,
    pull_requests.get_run_pull_request,
    pull_requests.get_run_pull_request_creation,
    pull_requests.create_run_pull_request,
    pull_requests.merge_run_pull_request,
    pull_requests.close_run_pull_request,
    events.append_run_event,
    events.list_run_events,
    events.get_run_event_detail,
    events.list_stage_events,
    attach.attach_run_events,
    attach.attach_events,
    workers.create_worker_token,
    blobs.write_run_blob,
    blobs.read_run_blob,
    artifacts.list_run_artifacts,
    artifacts.download_run_artifacts,
    artifacts.list_stage_artifacts,
    artifacts.put_stage_artifact,
    artifacts.get_stage_artifact,
    run_logs.get_run_logs,
    run_logs.get_run_stage_command_log,
    run_files.list_run_files,
    run_files.list_run_commits,
    batch.archive_runs,
    batch.unarchive_runs,
    batch.delete_runs,
    settings.get_settings,
    system.get_system_info,
)
_SIGN_IN: Final = (
    sign_in.submit_login,
    sign_in.submit_logout,
    cli_login.start_cli_login,
    cli_login.confirm_cli_login,
    cli_login.resume_cli_login,
    cli_tokens.exchange_code,
    cli_tokens.refresh_tokens,
    cli_tokens.log_out,
    redirect_login.start_redirect_login,
    redirect_login.finish_redirect_login,
)


def own_routes(*, web_enabled: bool) -> list[HTTPRouteHandler]:
    """The routes for one application; pages, and what signs people in with a browser, only with web (auth.md A2)."""
    with_web = (*_SIGN_IN, *PAGES) if web_enabled else ()
    return [
        *(_own(handler) for handler in (*_DISCOVERY, *with_web)),
        *(_own(handler, API_PREFIX) for handler in _API),
    ]


def _own(handler: HTTPRouteHandler, prefix: str = "") -> HTTPRouteHandler:
    """A handler for one application, below `prefix`.

    A copy, because Litestar notes in a handler where it was registered last; and without a Litestar router, which would
    copy every handler once more, and deeply. Copies share what Litestar has read from the handler's signature.
    """
    assert handler.parsed_fn_signature is not None, "read before the copy is made"
    own = copy(handler)
    own.paths = {prefix + path for path in handler.paths}
    return own
