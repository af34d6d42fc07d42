"""What nobody can derive about the operations of the API: the tests that prove them, and why some do less than their
name says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


class Excluded(NamedTuple):
    """An operation of the contract that is no route of this server."""

    method: str
    path: str
    id: str
    """The `operationId`, as existing clients know it."""
    reason: str


_INSTALL: Final = "A server is installed with `fabro init` and a settings file; there is no wizard."
_WEBHOOK: Final = "Nothing here takes the secret of a webhook, and without one it is not served."
_SIZES: Final = "Nothing counts what each run takes of the store; the resources of the system tell it for the whole."
_REPAIR: Final = "Nothing searches the store for runs that cannot be read."
_PRUNE: Final = "Runs are deleted by their ids, alone or in batches, and not by their age."

EXCLUDED: Final = (
    Excluded("GET", "/install/session", "getInstallSession", _INSTALL),
    Excluded("POST", "/install/llm/test", "testInstallLlmCredentials", _INSTALL),
    Excluded("PUT", "/install/llm", "putInstallLlm", _INSTALL),
    Excluded("PUT", "/install/server", "putInstallServer", _INSTALL),
    Excluded("POST", "/install/object-store/test", "testInstallObjectStore", _INSTALL),
    Excluded("PUT", "/install/object-store", "putInstallObjectStore", _INSTALL),
    Excluded("POST", "/install/sandbox/test", "testInstallSandbox", _INSTALL),
    Excluded("PUT", "/install/sandbox", "putInstallSandbox", _INSTALL),
    Excluded("POST", "/install/github/token/test", "testInstallGithubToken", _INSTALL),
    Excluded("PUT", "/install/github/token", "putInstallGithubToken", _INSTALL),
    Excluded("POST", "/install/github/app/manifest", "createInstallGithubAppManifest", _INSTALL),
    Excluded("GET", "/install/github/app/redirect", "completeInstallGithubAppRedirect", _INSTALL),
    Excluded("POST", "/install/finish", "finishInstall", _INSTALL),
    Excluded("POST", "/api/v1/webhooks/github", "receiveGithubWebhook", _WEBHOOK),
    Excluded("GET", "/api/v1/system/df", "getSystemDiskUsage", _SIZES),
    Excluded("GET", "/api/v1/system/repair/runs", "getSystemRepairRuns", _REPAIR),
    Excluded("POST", "/api/v1/system/prune/runs", "pruneRuns", _PRUNE),
)
"""What answers 404 `route_not_found`."""

_CODE_HOST: Final = "No integration with a code host is installed: 503 `integration_unavailable` after every check."

REFUSED: Final[Mapping[str, str]] = {
    "createRunPullRequest": _CODE_HOST,
    "closeRunPullRequest": _CODE_HOST,
    "mergeRunPullRequest": _CODE_HOST,
    "getRunLogs": "Nothing keeps a log of a run beside its events and outputs: 404 after every check.",
    "listRunCommits": "There is no driver of sandboxes: 503 `integration_unavailable` after every check.",
    "retrieveSandbox": "There is no driver of sandboxes, and so no sandbox: 404.",
    "testProviderCredentials": "Nothing here reaches a provider: 503 `integration_unavailable` after every check.",
}
"""What checks its requests and then refuses them all, by `operationId`, beside `pairs.REFUSED`."""

PROOFS: Final[Mapping[str, str]] = {
    operation: f"tests/{test}"
    for test, operations in {
        "api/test_contract.py::test_discovery_and_accounts": (
            "getRoot getHealth getApiHealth getUser getAuthMe getAuthConfig"
        ),
        "api/test_discovery.py::test_the_document_and_the_routes_are_the_same": "getOpenApiSpec",
        "api/test_store_unavailable.py::test_a_store_that_answers_and_takes_no_writes_is_not_ready": "getReady",
        "api/test_diagnostics.py::test_all_is_well": "runDiagnostics",
        "api/test_auth_sessions.py::test_the_own_session_comes_first_and_the_others_by_last_use": "listAuthSessions",
        "api/test_auth_sessions.py::test_an_ended_session_is_over_at_once": "deleteAuthSession",
        "api/test_sign_in.py::test_the_right_token_opens_a_session": "loginDevToken",
        "api/test_sign_in.py::test_signing_out_ends_the_session_everywhere": "logout",
        "api/test_cli_tokens.py::test_a_code_is_exchanged_for_tokens_that_work": "exchangeCliCode",
        "api/test_cli_refresh.py::test_a_refresh_token_is_exchanged_for_the_next": "refreshCliTokens",
        "api/test_cli_tokens.py::test_a_logout_ends_refresh_and_access_tokens": "logoutCli",
        "api/test_worker_tokens.py::test_a_token_is_issued_for_one_run_and_72_hours_and_kept_by_no_cache": (
            "createWorkerToken"
        ),
        "api/test_sessions.py::test_sessions_are_listed_by_their_last_change_or_their_creation": "listRunSessions",
        "api/test_sessions.py::test_without_a_responder_a_turn_fails_as_soon_as_it_has_begun": "submitSessionTurn",
        "api/test_sessions.py::test_a_session_is_created_and_shown": "createRunSession getSession",
        "api/test_sessions.py::test_the_events_of_a_session_are_its_own_with_the_numbers_of_the_run": (
            "listSessionEvents"
        ),
        "api/test_sessions.py::test_attaching_is_live_only_without_a_cursor_and_does_not_end": "attachSessionEvents",
        "api/test_sessions.py::test_while_a_turn_is_active_there_is_no_other_until_it_is_interrupted": (
            "interruptSessionTurn"
        ),
        "api/test_workflow_versions.py::test_the_same_content_has_the_same_id_however_it_is_written": (
            "createWorkflowVersion"
        ),
        "api/test_list_runs.py::test_a_page_holds_what_was_asked_for_and_the_total_counts_everything": "listRuns",
        "api/test_create_run.py::test_each_example_becomes_a_submitted_run_with_every_key": "createRun",
        "api/test_batch.py::test_a_mixed_archive_keeps_the_order_and_tells_each_outcome": "batchArchiveRuns",
        "api/test_batch.py::test_a_mixed_unarchive": "batchUnarchiveRuns",
        "api/test_batch.py::test_a_mixed_delete_spares_active_runs": "batchDeleteRuns",
        "api/test_resolve.py::test_the_start_of_one_id_in_any_letter_case_finds_the_run": "resolveRun",
        "api/test_validation.py::test_a_workflow_that_can_be_run_is_ok_and_described_and_no_run_is_created": (
            "runPreflight validateRunManifest"
        ),
        "api/test_pictures.py::test_a_picture_is_drawn_of_what_a_run_can_be_created_from": "renderWorkflowGraph",
        "api/test_pictures.py::test_a_picture_of_the_graph_leads_where_it_is_asked_to": "retrieveRunGraph",
        "api/test_contract.py::test_a_run_through_its_life": "retrieveRun",
        "api/test_run_operations.py::test_a_new_title_is_trimmed_and_logged": "updateRun",
        "api/test_run_operations.py::test_a_run_that_has_ended_is_deleted_and_deleting_it_again_is_fine": "deleteRun",
        "api/test_run_operations.py::test_a_link_is_logged_with_the_previous_parent": "linkRunParent unlinkRunParent",
        "api/test_run_operations.py::test_a_live_run_is_asked_to_stop_once": "cancelRun",
        "api/test_run_operations.py::test_archive_and_unarchive_are_idempotent": "archiveRun unarchiveRun",
        "api/test_steering.py::test_a_steer_is_written_verbatim_into_the_log": "steerRun",
        "api/test_steering.py::test_an_interrupt_is_written_into_the_log": "interruptRun",
        "api/test_pairs.py::test_any_run_tells_who_works_with_which_agents": "getRunPairStatus",
        "api/test_pairs.py::test_a_pair_is_what_the_log_tells_of_it": "getRunPair",
        "api/test_pairs.py::test_the_transcript_has_what_the_stage_told_between_start_and_end": "getRunPairTranscript",
        "api/test_pairs.py::test_what_has_passed_every_check_is_refused_as_nothing_reaches_the_worker": (
            "startRunPair endRunPair sendRunPairMessage"
        ),
        "api/test_lifecycle.py::test_a_start_puts_the_run_into_the_queue": "startRun",
        "api/test_lifecycle.py::test_an_approval_lets_the_run_into_the_queue": "approveRun",
        "api/test_lifecycle.py::test_a_denial_fails_the_run": "denyRun",
        "api/test_lifecycle.py::test_a_running_run_is_asked_to_pause_and_to_go_on": "pauseRun unpauseRun",
        "api/test_lifecycle.py::test_a_retry_is_a_new_run_of_the_same": "retryRun",
        "api/test_lifecycle.py::test_the_timeline_lists_the_checkpoints_in_order": "getRunTimeline",
        "api/test_fork.py::test_a_rewind_archives_the_source": "rewindRun",
        "api/test_fork.py::test_a_fork_begins_with_the_history_up_to_its_checkpoint": "forkRun",
        "api/test_read_models.py::test_the_source_of_the_graph_is_the_text_that_was_submitted": (
            "retrieveRunGraphSource"
        ),
        "api/test_read_models.py::test_the_minimum_script_succeeds_and_the_read_models_agree": "getRunState",
        "api/test_read_models.py::test_the_values_of_a_checkpoint_are_those_of_its_event": "retrieveRunCheckpoint",
        "api/test_read_models.py::test_stages_are_listed_by_their_first_events_with_the_handlers_of_the_graph": (
            "listRunStages"
        ),
        "api/test_read_models.py::test_the_context_window_is_the_one_told_last": "getRunStageContextWindow",
        "api/test_read_models.py::test_settings_are_answered_byte_for_byte_as_they_are_stored": "retrieveRunSettings",
        "api/test_run_logs.py::test_nobody_has_kept_a_log_of_a_run": "getRunLogs",
        "api/test_run_logs.py::test_the_output_of_a_command_that_has_ended": "getRunStageCommandLog",
        "api/test_pull_requests.py::test_a_link_is_shown_until_it_is_taken_away": (
            "linkRunPullRequest unlinkRunPullRequest getRunPullRequest"
        ),
        "api/test_pull_requests.py::test_what_is_being_made_is_answered_again_unchanged": "getRunPullRequestCreation",
        "api/test_pull_requests.py::test_without_an_integration_no_pull_request_is_made": "createRunPullRequest",
        "api/test_pull_requests.py::test_without_an_integration_nothing_is_merged_or_closed": (
            "mergeRunPullRequest closeRunPullRequest"
        ),
        "api/test_events.py::test_pages_follow_each_other_in_both_directions": "listRunEvents",
        "api/test_events.py::test_a_worker_s_events_drive_a_run_to_its_end": "appendRunEvent",
        "api/test_events.py::test_the_content_of_an_event_stands_apart": "getRunEventDetail",
        "api/test_events.py::test_a_stage_has_the_events_that_name_it_and_those_of_its_node_on_the_first_visit": (
            "listStageEvents"
        ),
        "streams/test_run_stream.py::test_a_cursor_says_which_event_comes_first": "attachRunEvents",
        "streams/test_all_runs.py::test_the_life_of_a_run_that_nobody_executes_is_seen": "attachEvents",
        "api/test_blobs.py::test_what_was_written_is_read_back_through_any_run_and_any_letter_case": (
            "writeRunBlob readRunBlob"
        ),
        "api/test_questions.py::test_a_pending_question_is_listed_and_is_the_current_one": "listRunQuestions",
        "api/test_questions.py::test_an_answer_is_recorded_and_lets_the_run_go_on": "submitRunAnswer",
        "api/test_artifacts.py::test_a_file_is_listed_with_its_stage_and_its_run_and_downloaded": (
            "listRunArtifacts listStageArtifacts putStageArtifact getStageArtifact"
        ),
        "api/test_artifact_archive.py::test_the_archive_has_the_newest_version_of_every_path": "downloadRunArtifacts",
        "api/test_run_files.py::test_the_final_patch_is_served_file_by_file": "listRunFiles",
        "api/test_run_files.py::test_commits_need_a_sandbox_driver": "listRunCommits",
        "api/test_billing.py::test_visits_add_up_to_one_row_a_node_by_first_appearance": "retrieveRunBilling",
        "api/test_billing.py::test_the_bill_of_all_runs_counts_those_with_a_checkpoint_or_a_conclusion": (
            "getAggregateBilling"
        ),
        "api/test_without_integrations.py::test_there_are_no_sandboxes": "listSandboxes retrieveSandbox",
        "api/test_without_integrations.py::test_no_repository_is_accessible": "getGithubRepo",
        "api/test_without_integrations.py::test_integrations_are_told_as_disabled": "getSystemIntegrations",
        "api/test_revisioned.py::test_one_is_created_shown_listed_replaced_and_deleted": (
            "listAutomations createAutomation retrieveAutomation replaceAutomation deleteAutomation "
            "listMcpServers createMcpServer retrieveMcpServer replaceMcpServer deleteMcpServer listEnvironments "
            "createEnvironment retrieveEnvironment replaceEnvironment deleteEnvironment"
        ),
        "api/test_automations.py::test_the_runs_of_an_automation_are_listed_newest_first_whatever_has_become_of_them": (
            "listAutomationRuns"
        ),
        "automation/test_runs.py::test_a_run_is_made_of_the_manifest_shown_and_then_started": "createAutomationRun",
        "api/test_system_info.py::test_it_counts_runs_by_what_they_need_of_the_server": "getSystemInfo",
        "api/test_system_resources.py::test_it_is_told_as_the_contract_says": "getSystemResources",
        "api/test_secrets.py::test_a_secret_is_set_listed_without_its_value_and_deleted": (
            "listSecrets createSecret deleteSecretByName"
        ),
        "api/test_variables.py::test_a_variable_is_set_shown_listed_and_deleted": (
            "listVariables createVariable getVariable deleteVariable"
        ),
        "api/test_variables.py::test_changing_never_creates": "updateVariable",
        "api/test_models.py::test_models_are_searched_and_cut": "listModels",
        "api/test_models.py::test_a_test_that_nothing_can_make_is_skipped": "testModel testProviders",
        "api/test_models.py::test_providers_are_shown": "listProviders",
        "api/test_models.py::test_keys_of_providers": "testProviderCredentials",
        "api/test_settings.py::test_the_settings_are_shown_without_secrets_and_plugin_tables": "retrieveServerSettings",
    }.items()
    for operation in operations.split()
}
"""A test for each operation that is served, by `operationId`; the placeholders that are only named share one."""
