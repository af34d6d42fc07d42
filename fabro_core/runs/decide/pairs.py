"""What has to hold before somebody works with an agent of a run (resources.md X4): pure checks."""

from __future__ import annotations

from typing import Final

from fabro_core.errors import Conflict, InvalidRequest, NotFound
from fabro_core.models.events.run import PairTarget
from fabro_core.models.ids import PairId
from fabro_core.models.stage import StageId, parse_stage_id
from fabro_core.models.status import RunStatusRunning
from fabro_core.runs.decide.lifecycle import require_unarchived
from fabro_core.runs.fold.agent_sessions import AgentSession
from fabro_core.runs.fold.pairs import Pair, current_pair
from fabro_core.runs.fold.projection import Projection

MAX_TEXT_BYTES: Final = 8192


def targets(run: Projection) -> list[PairTarget]:
    """The stages whose agents take instructions, each once, in the order in which the agents became active."""
    found: dict[str, PairTarget] = {}
    for session in run.agent_sessions.values():
        stage_id = None if session.stage_id is None else parse_stage_id(session.stage_id)
        if session.steerable and stage_id is not None:
            found.setdefault(str(stage_id), _target(session, stage_id))
    return list(found.values())


def pair_of(run: Projection, pair_id: PairId) -> Pair:
    """Raises `NotFound`."""
    pair = run.pairs.get(pair_id)
    if pair is None:
        raise NotFound(f"Run {run.id} has no pair {pair_id}.", code="pair_not_found")
    return pair


def require_startable(run: Projection, stage_id: StageId) -> None:
    """Raises `Conflict`: somebody works with an agent already, the run is not running, or no such agent listens."""
    require_unarchived(run)
    if current_pair(run.pairs) is not None:
        raise Conflict("Somebody works with an agent of the run already.", code="already_paired")
    if not isinstance(run.status, RunStatusRunning):
        raise Conflict("Only with the agents of a running run can be worked.", code="run_not_pairable")
    if not any(target.stage_id == str(stage_id) for target in targets(run)):
        raise Conflict(f"No agent of the stage {stage_id} takes instructions.", code="pair_target_not_active")


def require_endable(run: Projection, pair_id: PairId) -> None:
    """Raises `NotFound`, and `Conflict` for a pair that has ended or that another has followed."""
    _require_active(run, pair_id)
    current = current_pair(run.pairs)
    if current is None or current[0] != pair_id:
        raise Conflict("The pair is not the current one of the run.", code="pair_not_current")


def require_listening(run: Projection, pair_id: PairId) -> None:
    """Raises `NotFound`, and `Conflict` for a pair that has ended or whose agent takes no instructions now."""
    pair = _require_active(run, pair_id)
    current = current_pair(run.pairs)
    is_current = current is not None and current[0] == pair_id
    listens = any(target.stage_id == pair.target.stage_id for target in targets(run))
    if not (is_current and listens and isinstance(run.status, RunStatusRunning)):
        raise Conflict("The agent takes no messages now.", code="pair_message_not_accepted")


def message_text(text: str) -> str:
    """The text of a message without blanks around it. Raises `InvalidRequest` for one that is blank or too long."""
    trimmed = text.strip()
    if not trimmed:
        raise InvalidRequest("text: must not be blank.")
    if len(trimmed.encode()) > MAX_TEXT_BYTES:
        raise InvalidRequest(f"text: must not be longer than {MAX_TEXT_BYTES} bytes.")
    return trimmed


def _target(session: AgentSession, stage_id: StageId) -> PairTarget:
    return PairTarget(stage_id=str(stage_id), node_label=session.node_label or stage_id.node)


def _require_active(run: Projection, pair_id: PairId) -> Pair:
    pair = pair_of(run, pair_id)
    require_unarchived(run)
    if pair.end is not None:
        raise Conflict("The pair has ended.", code="pair_not_active")
    return pair
