"""People who work with an agent of a run (resources.md X4), as a fold of its events. What was said stays there."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from fabro_core.models.events import Envelope, Properties
from fabro_core.models.events.run import PairTarget, RunPairEnded, RunPairFailed, RunPairStarted
from fabro_core.models.instant import Instant


class PairEnd(msgspec.Struct, frozen=True, omit_defaults=True):
    at: Instant
    seq: int
    failure: str | None = None
    """Why it failed; None: it was ended."""


class Pair(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    started_at: Instant
    started_seq: int
    target: PairTarget
    end: PairEnd | None = None


Pairs = dict[str, Pair]
"""By pair id, in the order of their starts."""


def pairs_after(known: Pairs, event: Envelope, properties: Properties) -> Pairs:
    """The pairs after an event. One that starts a pair again, or ends what is not active, changes nothing."""
    match properties:
        case RunPairStarted(pair_id=pair_id, target=target) if pair_id not in known:
            return {**known, pair_id: Pair(started_at=event.ts, started_seq=event.seq, target=target)}
        case RunPairEnded(pair_id=pair_id):
            return _ended(known, pair_id, PairEnd(event.ts, event.seq))
        case RunPairFailed(pair_id=pair_id, reason=reason):
            return _ended(known, pair_id, PairEnd(event.ts, event.seq, reason))
        case _:
            return known


def current_pair(pairs: Pairs) -> tuple[str, Pair] | None:
    """The id and record of the pair that goes on: the newest, unless it has ended."""
    if not pairs:
        return None
    pair_id = next(reversed(pairs))
    pair = pairs[pair_id]
    return None if pair.end is not None else (pair_id, pair)


def _ended(known: Pairs, pair_id: str, end: PairEnd) -> Pairs:
    pair = known.get(pair_id)
    return known if pair is None or pair.end is not None else {**known, pair_id: replace(pair, end=end)}
