"""Who did something (runs.md R4)."""

from __future__ import annotations

from typing import Literal

import msgspec


class IdpIdentity(msgspec.Struct, frozen=True):
    """A person, by the identity provider that vouches for them."""

    issuer: str
    subject: str


class PrincipalUser(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="user", tag_field="kind"):
    identity: IdpIdentity
    login: str
    auth_method: str
    """The method that created the login in its snake spelling, such as `dev_token`."""
    avatar_url: str | None = None


class PrincipalWorker(msgspec.Struct, frozen=True, kw_only=True, tag="worker", tag_field="kind"):
    run_id: str


class PrincipalWebhook(msgspec.Struct, frozen=True, kw_only=True, tag="webhook", tag_field="kind"):
    delivery_id: str


class PrincipalSlack(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="slack", tag_field="kind"):
    team_id: str
    user_id: str
    user_name: str | None = None


class PrincipalAgent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="agent", tag_field="kind"):
    session_id: str | None = None
    parent_session_id: str | None = None
    model: str | None = None


class PrincipalSystem(msgspec.Struct, frozen=True, kw_only=True, tag="system", tag_field="kind"):
    system_kind: Literal["engine", "watchdog", "timeout"]


Principal = PrincipalUser | PrincipalWorker | PrincipalWebhook | PrincipalSlack | PrincipalAgent | PrincipalSystem


class RunServerProvenance(msgspec.Struct, frozen=True, kw_only=True):
    version: str


class RunClientProvenance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    user_agent: str
    name: str | None = None
    """`fabro-cli` or `fabro-web`; None for every other client."""
    version: str | None = None


class RunProvenance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which server, which client and who created a run (auth.md A25)."""

    server: RunServerProvenance | None = None
    client: RunClientProvenance | None = None
    subject: Principal
