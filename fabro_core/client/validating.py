"""Asks a server what is wrong with a workflow (runs.md R8.7)."""

from __future__ import annotations

import msgspec

from fabro_core.client.address import ServerAddress
from fabro_core.client.authenticated import AuthenticatedClient
from fabro_core.client.credentials_file import CredentialsFile
from fabro_core.client.faults import Refused
from fabro_core.client.manifest import encode_manifest
from fabro_core.models.manifest import RunManifest
from fabro_core.models.validation import PreflightWorkflowSummary, ValidateResponse


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the server says."""

    answer: bytes
    """As it came."""
    workflow: PreflightWorkflowSummary | None
    """None: it is no workflow."""
    refusal: str | None
    """Why it is none."""

    @property
    def ok(self) -> bool:
        """Whether a run of the workflow can be created, as far as the server has looked."""
        return self.workflow is not None and all(each.severity != "error" for each in self.workflow.diagnostics)


def ask_for_verdict(address: ServerAddress, credentials: CredentialsFile, manifest: RunManifest) -> Verdict:
    """What a server says of a manifest. Raises `LoginRequired`, `Refused` and `ClientFailed`."""
    with AuthenticatedClient(address, credentials) as client:
        answer = client.request("POST", "/api/v1/validate", content=encode_manifest(manifest))
        try:
            response = client.read(answer, ValidateResponse)
        except Refused as refusal:
            if refusal.status != 400:
                raise
            return Verdict(answer=answer.content, workflow=None, refusal=refusal.detail)
    return Verdict(answer=answer.content, workflow=response.workflow, refusal=None)
