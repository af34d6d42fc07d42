"""What models used and what it cost (events.md E11)."""

from __future__ import annotations

from typing import Literal

import msgspec

from fabro_core.models.counts import Amount, bounded, bounded_sum

Speed = Literal["standard", "fast"]


class BilledTokenCounts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Disjoint counts of tokens; the cost is in millionths of a US dollar, None when nobody told it."""

    input_tokens: Amount
    output_tokens: Amount
    total_tokens: Amount
    reasoning_tokens: Amount
    cache_read_tokens: Amount
    cache_write_tokens: Amount
    total_usd_micros: Amount | None = None

    def __add__(self, other: BilledTokenCounts) -> BilledTokenCounts:
        """The sum; its cost is known as soon as one of the two is."""
        costs = [cost for cost in (self.total_usd_micros, other.total_usd_micros) if cost is not None]
        return BilledTokenCounts(
            input_tokens=bounded(self.input_tokens + other.input_tokens),
            output_tokens=bounded(self.output_tokens + other.output_tokens),
            total_tokens=bounded(self.total_tokens + other.total_tokens),
            reasoning_tokens=bounded(self.reasoning_tokens + other.reasoning_tokens),
            cache_read_tokens=bounded(self.cache_read_tokens + other.cache_read_tokens),
            cache_write_tokens=bounded(self.cache_write_tokens + other.cache_write_tokens),
            total_usd_micros=bounded_sum(costs) if costs else None,
        )


NO_TOKENS = BilledTokenCounts(
    input_tokens=0,
    output_tokens=0,
    total_tokens=0,
    reasoning_tokens=0,
    cache_read_tokens=0,
    cache_write_tokens=0,
)


class BillingModelRef(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A model as billing names it."""

    provider: str
    model_id: str
    speed: Speed | None = None
