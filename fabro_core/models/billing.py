"""What models used and what it cost (events.md E11)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Speed = Literal["standard", "fast"]
Signed64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class BilledTokenCounts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Disjoint counts of tokens; the cost is in millionths of a US dollar, None when nobody told it."""

    input_tokens: Signed64
    output_tokens: Signed64
    total_tokens: Signed64
    reasoning_tokens: Signed64
    cache_read_tokens: Signed64
    cache_write_tokens: Signed64
    total_usd_micros: Signed64 | None = None

    def __add__(self, other: BilledTokenCounts) -> BilledTokenCounts:
        """The sum; its cost is known as soon as one of the two is."""
        costs = [cost for cost in (self.total_usd_micros, other.total_usd_micros) if cost is not None]
        return BilledTokenCounts(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            total_tokens=self.total_tokens + other.total_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            cache_read_tokens=self.cache_read_tokens + other.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            total_usd_micros=sum(costs) if costs else None,
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
