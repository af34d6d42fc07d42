"""Whether a run can be asked about (runs.md R5.8): what its log says, and what that means for whatever replies here.

What replies is no fact of the run, so it is not in what is stored: where it matters, it is put into the stored bytes.
"""

from __future__ import annotations

from typing import Final

import msgspec

from fabro_core.models.run import AskFabro, RunSandbox

_MEMBER: Final = b'"ask_fabro":'


class ResponderNeeds(msgspec.Struct, frozen=True, kw_only=True):
    """What whatever replies on this server needs, and has."""

    needs_sandbox: bool
    needs_model: bool
    default_model: str | None


def asking(sandbox: RunSandbox | None) -> AskFabro:
    """As it is stored: the first reason, where nothing replies."""
    if sandbox is None:
        return AskFabro(available=False, unavailable_reason="no_sandbox", default_model=None)
    if sandbox.kind != "ready":
        return AskFabro(available=False, unavailable_reason="sandbox_not_ready", default_model=None)
    return AskFabro(available=False, unavailable_reason="llm_unconfigured", default_model=None)


class AskFabroSplicer:
    """Puts into the stored JSON of runs whether they can be asked about here."""

    def __init__(self, needs: ResponderNeeds) -> None:
        stored = [
            AskFabro(available=False, unavailable_reason=reason, default_model=None)
            for reason in ("no_sandbox", "sandbox_not_ready", "llm_unconfigured")
        ]
        self._changes = [(_encoded(each), _encoded(_answered(each, needs))) for each in stored]

    def spliced(self, body: bytes) -> bytes:
        """No label or text can look like the member: in a JSON string its quotes would be escaped."""
        for before, after in self._changes:
            if before in body:
                return body.replace(before, after, 1)
        return body


def _answered(stored: AskFabro, needs: ResponderNeeds) -> AskFabro:
    reason = stored.unavailable_reason
    if reason == "llm_unconfigured" or not needs.needs_sandbox:
        reason = "llm_unconfigured" if needs.needs_model and needs.default_model is None else None
    return AskFabro(available=reason is None, unavailable_reason=reason, default_model=needs.default_model)


def _encoded(asked: AskFabro) -> bytes:
    return _MEMBER + msgspec.json.encode(asked)
