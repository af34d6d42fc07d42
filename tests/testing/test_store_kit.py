"""The store kit finds what it promises to find: a sound store passes, and one with a single bug does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.testing.runs import ROOT, Run, run_pytest

pytestmark = pytest.mark.slow

MUTANTS = Path(__file__).with_name("mutant_suites.py")

FINDS = {
    "LostEvent": ("test_a_long_batch_is_written_whole", "no event of an acknowledged batch is lost"),
    "NonAtomicAppend": ("test_of_concurrent_appends_to_one_run_exactly_one_wins", "one append wins"),
    "HalfAppend": ("test_a_cancelled_append_happens_completely_or_not_at_all", "row and log agree"),
    "WriteDespiteConflict": ("test_append_with_a_stale_sequence_writes_nothing", "a refused append writes nothing"),
    "WatchBeforeCommit": ("test_a_hint_never_names_what_is_not_yet_readable", "what a hint names is readable"),
    "SilentAppend": ("test_an_append_is_announced", "every append is announced"),
    "RewrittenBytes": ("test_read_is_byte_exact", "an event comes back byte for byte"),
    "EndlessPage": (
        "test_pages_that_are_bounded_in_bytes_make_the_whole_log",
        "a page has no more bytes than asked for, or one event",
    ),
    "EmptyPage": ("test_pages_that_are_bounded_in_bytes_make_the_whole_log", "no event is too large"),
    "ShortPageForTheLast": (
        "test_pages_that_are_bounded_in_bytes_make_the_whole_log",
        "has_more tells that a page ended because of its bytes",
    ),
    "EndlessFeedPage": (
        "test_pages_of_the_feed_one_after_the_other_miss_and_repeat_nothing",
        "a page has no more bytes",
    ),
    "WrongTieBreak": (
        "test_rows_are_ordered_by_the_key_and_ties_by_id_descending",
        "ties by id descending in both directions",
    ),
    "RoundedNumbers": ("test_columns_sort_exactly_at_the_edges_of_64_bits", "no number loses its last digit"),
    "PageForTotal": (
        "test_pages_one_after_the_other_make_the_whole_list",
        "every page has the total of the whole list",
    ),
    "StoppedClock": (
        "test_the_elapsed_time_of_a_live_run_is_counted_to_the_querys_now",
        "a live run passes an ended one as time goes on",
    ),
    "LastIdLost": ("test_pages_of_ids_are_in_their_order_and_complete", "every id is listed once"),
    "LogThatStays": ("test_delete_removes_row_log_and_tags", "the log is gone"),
    "ExpiredDocument": (
        "test_a_document_is_absent_from_the_instant_it_expires",
        "expires_ms <= now_ms means absent, purged or not",
    ),
    "RevisionAgain": ("test_a_revision_is_never_given_twice_for_one_key", "not even after a delete or a purge"),
    "DeleteTwice": ("test_of_concurrent_deletes_exactly_one_is_true", "a one-time code can be used once"),
    "BlobTwice": ("test_the_same_bytes_again_change_nothing", "the same bytes are not stored again"),
    "BlobPutOnce": ("test_bytes_that_were_put_since_are_not_deleted", "put again since"),
    "BlobThatStays": ("test_a_deleted_blob_is_gone_and_can_be_put_again", "the bytes are gone"),
    "BlobDeletedAnyway": ("test_bytes_that_were_put_since_are_not_deleted", "put at that very instant"),
    "AppendWithoutBlobs": (
        "test_blobs_of_an_append_are_stored_with_it",
        "a blob of an acknowledged append is readable",
    ),
    "BlobsFirst": ("test_a_refused_append_stores_no_blob", "a refused append writes nothing"),
    "LastBlobLost": ("test_pages_of_digests_are_in_their_order_and_complete", "every blob is listed once"),
    "PurgesPastTheFence": (
        "test_a_fenced_store_refuses_every_write_until_the_fence_is_lifted",
        "DID NOT RAISE",
    ),
    "FenceForEver": ("test_a_fenced_store_refuses_every_write_until_the_fence_is_lifted", "StoreFenced"),
    "OneCollection": ("test_every_collection_with_documents_is_listed_once", "every collection is listed"),
    "OpenForever": ("test_a_store_that_was_left_is_unavailable", "DID NOT RAISE"),
    "RawError": (
        "test_every_method_is_unavailable_while_the_driver_fails_and_works_again_afterwards",
        "a fault of the driver surfaces as StoreUnavailable",
    ),
    "RepeatedWords": (
        "test_every_method_is_unavailable_while_the_driver_fails_and_works_again_afterwards",
        "the message is free of the driver's words",
    ),
    "NeverAgain": ("test_a_failed_append_does_not_change_what_was_there", "the store does not recover"),
    "HalfWritten": ("test_an_append_that_failed_is_there_completely_or_not_at_all", "row and log agree"),
    "SavedAtTheEnd": (
        "test_what_was_acknowledged_survives_the_kill_of_the_process",
        "an acknowledged document survives",
    ),
}
"""For each mutant a test that it fails, and words of the message."""


SOUND = "(SoundDict or SoundDriven) and not sequence_of_calls and not plain_model"
"""All tests but the random ones, for stores without a bug."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The kit's answers: to each mutant what it is expected to find, to sound stores all of them."""
    chosen = [f"(Test{mutant} and {test})" for mutant, (test, _) in FINDS.items()]
    selection = " or ".join([SOUND, *chosen])
    return run_pytest(tmp_path_factory.mktemp("mutants"), MUTANTS, selection=["-k", selection])


@pytest.mark.parametrize("mutant", FINDS)
def test_a_store_with_one_bug_fails_with_the_broken_promise(run: Run, mutant: str) -> None:
    test, words = FINDS[mutant]
    broken = run.broken_by(f"Test{mutant}")
    assert words in broken[test]


@pytest.mark.parametrize("sound", ["SoundDict", "SoundDriven"])
def test_a_store_without_a_bug_passes(run: Run, sound: str) -> None:
    assert run.broken_by(f"Test{sound}") == {}
    (line,) = [line for line in run.summary if f"(Test{sound})" in line]
    assert line.endswith(", 0 deviations")
    assert "failed" not in line


def test_the_state_machine_finds_bugs_by_itself(tmp_path: Path) -> None:
    mutants = ["WrongTieBreak", "RevisionAgain", "BlobDeletedAnyway"]
    chosen = " or ".join(mutants)
    run = run_pytest(tmp_path, MUTANTS, selection=["-k", f"sequence_of_calls and ({chosen})"])
    assert {class_name.removeprefix("Test") for class_name, _ in run.failures} == set(mutants)


def test_the_example_store_passes_as_its_author_would_run_it(tmp_path: Path) -> None:
    for name in ("dict_store.py", "test_dict_store.py"):
        (tmp_path / name).write_text((ROOT / "examples" / "stores" / name).read_text())
    run = run_pytest(tmp_path, tmp_path)
    assert (run.status, run.failures) == (0, {}), run.output
    assert run.summary[0].startswith("store conformance, API 1: dict ")
    assert run.summary[0].endswith(", 0 deviations")
