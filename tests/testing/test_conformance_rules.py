"""What the kits demand of a suite, and what pytest prints about it in the end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fabro_core.testing import StoreConformance, deviates
from fabro_core.testing.conformance import promise
from tests.testing.runs import Run, run_pytest

SUITES = '''
"""Suites that leave promises out in every way there is."""

import pytest

from examples.stores.dict_store import DictStore
from fabro_core.testing import StoreConformance, deviates
from fabro_core.testing.store import opened


class DurableDict(DictStore):
    def info(self):
        return type(super().info())(name="dict", version="1", durable=True, shared=False, wakeups=False)


class TestDeviating(StoreConformance):
    @pytest.fixture
    def open_store(self):
        return lambda: opened(DictStore())

    @deviates("there are no pages in this store")
    async def test_pages_are_in_key_order(self):
        pass

    @deviates("not yet")
    async def test_an_unknown_digest_is_none(self):
        pass

    def test_of_the_authors_own(self):
        pass


@pytest.mark.xfail(reason="later")
class TestExpectedToFail(TestDeviating):
    pass


@pytest.mark.skip(reason="no time")
class TestSkipped(TestDeviating):
    pass


class TestUnpicklable(TestDeviating):
    @pytest.fixture
    def open_store(self):
        return lambda: opened(DurableDict())
'''

CHOSEN = (
    "pages_are_in_key_order or unknown_digest or how_its_driver_fails or same_bytes_again or of_the_authors_own "
    "or survives_the_kill"
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    directory = tmp_path_factory.mktemp("suites")
    (directory / "test_suites.py").write_text(SUITES)
    return run_pytest(directory, directory, selection=["-k", CHOSEN])


def lines_about(run: Run, class_name: str) -> list[str]:
    """The line of a suite and those that are indented below it."""
    (start,) = [n for n, line in enumerate(run.summary) if f"({class_name})" in line or f" {class_name} " in line]
    below = run.summary[start + 1 :]
    end = next((n for n, line in enumerate(below) if not line.startswith(" ")), len(below))
    return [run.summary[start], *below[:end]]


def test_a_deviation_is_counted_and_printed_with_its_reason(run: Run) -> None:
    line, *below = lines_about(run, "TestDeviating")
    assert line.endswith(" 1 passed, 1 failed, 1 not applicable, 2 deviations")
    assert "    deviation: pages are in key order: there are no pages in this store" in below


def test_an_expected_failure_of_a_promise_is_a_deviation(run: Run) -> None:
    below = lines_about(run, "TestExpectedToFail")
    assert "    deviation: the same bytes again change nothing: xfail: later" in below
    assert "    deviation: an unknown digest is none: not yet" in below


def test_a_skipped_suite_is_nothing_but_deviations(run: Run) -> None:
    line, *below = lines_about(run, "TestSkipped")
    assert line.endswith(" 0 passed, 5 deviations")
    assert "    deviation: the same bytes again change nothing: skip: no time" in below


def test_what_does_not_apply_is_counted_with_the_fact_behind_it(run: Run) -> None:
    assert "    not applicable to 1: info().durable is false" in lines_about(run, "TestDeviating")


def test_a_store_must_say_how_its_driver_fails(run: Run) -> None:
    broken = run.broken_by("TestDeviating")
    (message,) = broken.values()
    assert "override the fixture break_driver" in message
    assert 'NoDriver("why nothing behind the store can fail")' in message


def test_a_durable_store_must_be_openable_in_another_process(run: Run) -> None:
    message = run.broken_by("TestUnpicklable")["test_what_was_acknowledged_survives_the_kill_of_the_process"]
    assert "something that can be pickled, such as functools.partial" in message


def test_overriding_a_promise_silently_is_an_error() -> None:
    with pytest.raises(TypeError, match=r"overrides a test of the conformance kit.*@deviates"):
        type("Silent", (StoreConformance,), {"test_an_append_is_announced": lambda self: None})


def test_switching_a_promise_off_is_an_error() -> None:
    with pytest.raises(TypeError, match='"an append is announced" is no longer checked'):
        type("SwitchedOff", (StoreConformance,), {"test_an_append_is_announced": None})


def test_a_mixin_cannot_hide_a_promise() -> None:
    mixin = type("Mixin", (), {"test_an_append_is_announced": lambda self: None})
    with pytest.raises(TypeError, match="overrides a test"):
        type("Mixed", (mixin, StoreConformance), {})


def test_a_deviation_from_nothing_is_an_error() -> None:
    test = deviates("misspelt")(lambda self: None)
    with pytest.raises(TypeError, match="the kit has no test of this name"):
        type("Misspelt", (StoreConformance,), {"test_an_apend_is_announced": test})


def test_a_deviation_needs_a_reason() -> None:
    with pytest.raises(ValueError, match="reason"):
        deviates(" ")


def test_a_promise_reads_as_a_sentence() -> None:
    assert promise("test_rows_are_ordered[asc-created_at]") == "rows are ordered"


# -- the plugin ---------------------------------------------------------------------------------------------------


def test_loading_the_plugin_imports_nothing_of_the_core() -> None:
    script = (
        "import sys, fabro_core.testing.pytest_plugin; "
        "print(sorted(name for name in sys.modules if name.startswith('fabro')))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(
        ["fabro_core", "fabro_core.lazy", "fabro_core.testing", "fabro_core.testing.pytest_plugin"]
    )


def test_a_run_without_a_kit_imports_no_kit_and_prints_nothing(tmp_path: Path) -> None:
    (tmp_path / "test_plain.py").write_text(
        "import sys\n\ndef test_plain():\n"
        "    assert not {'fabro_core.testing.conformance', 'fabro_core.testing.store'} & set(sys.modules)\n"
    )
    run = run_pytest(tmp_path, tmp_path)
    assert (run.status, run.summary) == (0, []), run.output


def test_the_summary_counts_tests_that_workers_have_run(tmp_path: Path) -> None:
    pytest.importorskip("xdist")
    (tmp_path / "test_suites.py").write_text(SUITES)
    run = run_pytest(
        tmp_path, tmp_path, selection=["-n", "2", "-k", "TestDeviating and (unknown_digest or same_bytes_again)"]
    )
    assert lines_about(run, "dict")[0] == "store conformance, API 1: dict 1 passed, 1 deviation"
