"""Every case of the workflow language, through the operations that people use (language.md)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.conftest import in_memory, serving
from tests.corpus.cases import Case, cases
from tests.corpus.checking import faults_of

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("case", cases("language"))
async def test_a_workflow_means_what_the_case_says(case: Case, tmp_path: Path) -> None:
    async with serving(in_memory(), tmp_path) as server:
        assert await faults_of(case, server.client) == []
