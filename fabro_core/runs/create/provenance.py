"""Which server, client and caller made a run (runs.md R4, auth.md A25)."""

from __future__ import annotations

from fabro_core.models.principal import Principal, RunClientProvenance, RunProvenance, RunServerProvenance

_KNOWN_CLIENTS = ("fabro-cli", "fabro-web")


def provenance_of(subject: Principal, *, user_agent: str | None, server_version: str) -> RunProvenance:
    """The provenance of a run that `subject` creates; a blank user agent counts as none."""
    return RunProvenance(
        server=RunServerProvenance(version=server_version),
        client=_client(user_agent) if user_agent else None,
        subject=subject,
    )


def _client(user_agent: str) -> RunClientProvenance:
    """Name and version are told apart for Fabro's own clients only, from the first product (RFC 9110 §10.1.5)."""
    product = user_agent.split(maxsplit=1)[0] if user_agent.strip() else ""
    name, slash, version = product.partition("/")
    if name in _KNOWN_CLIENTS and slash and version:
        return RunClientProvenance(user_agent=user_agent, name=name, version=version)
    return RunClientProvenance(user_agent=user_agent)
