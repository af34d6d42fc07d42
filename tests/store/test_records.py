"""Records that refuse what no store could answer."""

from __future__ import annotations

import pytest

from fabro_core.store.records import RunQuery


def test_a_query_of_runs_has_one_filter_at_most() -> None:
    with pytest.raises(ValueError, match="one filter"):
        RunQuery(buckets=frozenset(), limit=1, now_ms=0, parent_id="P", automation_id="U")
