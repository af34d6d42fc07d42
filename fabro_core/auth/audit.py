"""The audit log: one structured line for whatever happens to a sign-in (auth.md A26). Never a credential."""

from __future__ import annotations

import logging
from typing import Literal

from fabro_core.auth.base import Identity
from fabro_core.auth.caller import SessionRef
from fabro_core.auth.visitor import Visitor

AuditEvent = Literal["login", "login_refused", "logout", "session_revoked", "refresh_replayed", "rate_limited"]

log = logging.getLogger("fabro.audit")


def audit(
    event: AuditEvent,
    visitor: Visitor,
    *,
    method: str | None = None,
    reason: str | None = None,
    identity: Identity | None = None,
    session: SessionRef | None = None,
) -> None:
    """Write a line. `method` is the auth method's settings name, `reason` the code of a refusal."""
    fields: dict[str, object] = {"event": event, "client": visitor.client, "request_id": visitor.request_id}
    if method is not None:
        fields["auth_method"] = method.replace("-", "_")
    if reason is not None:
        fields["reason"] = reason
    if identity is not None:
        fields["idp_issuer"], fields["idp_subject"] = identity.issuer, identity.subject
    if session is not None:
        fields["session"] = str(session)
    log.info("%s", event, extra={"fabro": fields})
