"""Runs from start to end, worked by a worker process and watched by people (events.md E9, E18, E19)."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.e2e.site import PATIENCE_SECONDS, WORKER, Gate, Site, ended, example, steps

pytestmark = pytest.mark.slow


def test_a_release_is_revised_published_and_archived(site: Site) -> None:
    run_id = site.runnable(example("release"))
    worker = site.worker()

    site.seen(run_id, "run.blocked")
    site.answer(run_id, "R")
    site.seen(run_id, "run.blocked", times=2)
    site.answer(run_id, "A")

    code, printed = ended(worker)
    assert (code, printed[-1]) == (0, "exit@1 succeeded")
    assert site.status(run_id) == {"kind": "succeeded", "reason": "completed"}
    assert site.visited(run_id) == [
        *("start@1", "draft@1", "check@1", "review@1"),
        *("draft@2", "check@2", "review@2"),
        *("publish@1", "smoke@1", "healthy@1", "exit@1"),
    ]
    listed = site.get("/runs", status="succeeded")["data"]
    assert [run["id"] for run in listed] == [run_id]
    assert site.post(f"/runs/{run_id}/archive")["lifecycle"]["archived"]
    assert site.get("/runs")["data"] == []


def test_the_question_has_the_answers_of_the_edges_and_the_output_before_it(shared_site: Site) -> None:
    run_id = shared_site.runnable(
        """digraph Ask {
          start [shape=Mdiamond]
          exit  [shape=Msquare]
          count [script="echo 3 files"]
          ask   [shape=hexagon, label="Go on?"]
          start -> count -> ask
          ask -> exit  [label="[Y] Yes"]
          ask -> count [label="again"]
        }"""
    )
    worker = shared_site.worker(run_id)

    shared_site.seen(run_id, "run.blocked")
    (question,) = shared_site.get(f"/runs/{run_id}/questions")["data"]
    shared_site.answer(run_id, "Y")

    assert ended(worker)[0] == 0
    assert (question["text"], question["stage"], question["question_type"]) == ("Go on?", "ask", "multiple_choice")
    assert question["options"] == [{"key": "Y", "label": "[Y] Yes"}, {"key": "again", "label": "again"}]
    assert question["context_display"] == "3 files\n"


def test_the_oldest_runnable_run_is_taken_first(site: Site) -> None:
    first, second = (site.runnable(steps(only="true")) for _ in range(2))

    assert ended(site.worker())[0] == 0

    assert [site.status(run_id)["kind"] for run_id in (first, second)] == ["succeeded", "runnable"]
    assert ended(site.worker(second))[0] == 0
    assert ended(site.worker()) == (0, ["no run is runnable"])


def test_of_two_workers_of_a_run_one_does_the_work(shared_site: Site) -> None:
    run_id = shared_site.runnable(steps(one="true", two="true"))

    workers = [shared_site.worker(run_id) for _ in range(2)]

    outcomes = [(worker.communicate(timeout=PATIENCE_SECONDS), worker.returncode) for worker in workers]
    assert sorted(code for _, code in outcomes) == [0, 1]
    assert all(complaints.splitlines()[-1].startswith("worker: ") for (_, complaints), code in outcomes if code == 1)
    assert shared_site.visited(run_id) == ["start@1", "one@1", "two@1", "exit@1"]


def test_commands_get_no_token_and_share_a_directory_that_is_removed(shared_site: Site, tmp_path: Path) -> None:
    environ, place = tmp_path / "environ", tmp_path / "place"
    run_id = shared_site.runnable(steps(write=f"env > {environ}; pwd > {place}; touch left", find="test -f left"))

    assert ended(shared_site.worker(run_id))[0] == 0

    assert not {line for line in environ.read_text().splitlines() if line.startswith("FABRO_")}
    assert not Path(place.read_text().strip()).exists()


# -- people who step in -----------------------------------------------------------------------------------------------


class Group:
    """Everything that a command has started: all of it holds one pipe open."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.script = f"exec 3> {path}; echo ready >&3; sleep 600 & sleep 600"
        self._path = path
        self._pipe = -1

    def wait_until_it_runs(self) -> None:
        self._pipe = os.open(self._path, os.O_RDONLY)
        assert os.read(self._pipe, 100) == b"ready\n"

    def is_gone(self) -> bool:
        """Whether nobody holds the pipe any more."""
        readable, _, _ = select.select([self._pipe], [], [], PATIENCE_SECONDS)
        gone = bool(readable) and os.read(self._pipe, 100) == b""
        os.close(self._pipe)
        return gone


def test_a_cancel_ends_the_command_and_all_that_it_started(shared_site: Site, tmp_path: Path) -> None:
    group = Group(tmp_path / "pipe")
    run_id = shared_site.runnable(steps(build=group.script, after="true"))
    worker = shared_site.worker(run_id)
    group.wait_until_it_runs()

    shared_site.post(f"/runs/{run_id}/cancel")

    assert ended(worker)[0] == 1
    assert group.is_gone()
    assert shared_site.status(run_id) == {"kind": "failed", "reason": "cancelled"}
    assert shared_site.visited(run_id) == ["start@1", "build@1"]
    states = {stage["id"]: stage["status"] for stage in shared_site.get(f"/runs/{run_id}/stages")["data"]}
    assert states["build@1"] == "cancelled"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_worker_that_is_interrupted_ends_its_command_and_the_run(
    shared_site: Site, tmp_path: Path, number: signal.Signals
) -> None:
    group = Group(tmp_path / "pipe")
    run_id = shared_site.runnable(steps(build=group.script))
    worker = shared_site.worker(run_id)
    group.wait_until_it_runs()

    worker.send_signal(number)

    assert ended(worker)[0] == 1
    assert group.is_gone()
    assert shared_site.status(run_id) == {"kind": "failed", "reason": "terminated"}


def test_a_run_that_is_deleted_stops_its_worker(shared_site: Site, tmp_path: Path) -> None:
    group = Group(tmp_path / "pipe")
    run_id = shared_site.runnable(steps(build=group.script))
    worker = shared_site.worker(run_id)
    group.wait_until_it_runs()

    with shared_site.client() as client:
        assert client.delete(f"/runs/{run_id}", params={"force": "true"}).status_code == 204

    _, complaints = worker.communicate(timeout=PATIENCE_SECONDS)
    assert (worker.returncode, complaints.splitlines()[-1][:8]) == (1, "worker: ")
    assert group.is_gone()


def test_a_pause_lets_the_command_end_and_holds_the_next_one(shared_site: Site, gate: Gate) -> None:
    run_id = shared_site.runnable(steps(one=f"cat {gate.path}", two="true"))
    worker = shared_site.worker(run_id)
    shared_site.seen(run_id, "command.started")

    assert shared_site.post(f"/runs/{run_id}/pause")["lifecycle"]["pending_control"] == "pause"
    gate.open()
    shared_site.seen(run_id, "run.paused")

    assert shared_site.status(run_id) == {"kind": "paused", "prior_block": None}
    assert shared_site.visited(run_id) == ["start@1", "one@1"]
    shared_site.post(f"/runs/{run_id}/unpause")
    assert ended(worker)[0] == 0
    names = shared_site.names(run_id)
    assert (names.count("run.paused"), names.count("run.unpaused")) == (1, 1)
    assert names.index("run.unpaused") < names.index("run.completed")


def test_an_answer_to_a_paused_run_waits_for_the_unpause(shared_site: Site) -> None:
    run_id = shared_site.runnable(example("release"))
    worker = shared_site.worker(run_id)
    shared_site.seen(run_id, "run.blocked")

    shared_site.post(f"/runs/{run_id}/pause")
    shared_site.answer(run_id, "A")
    shared_site.seen(run_id, "checkpoint.completed", times=4)
    assert shared_site.status(run_id) == {"kind": "paused", "prior_block": None}
    shared_site.post(f"/runs/{run_id}/unpause")

    assert ended(worker)[0] == 0
    names = shared_site.names(run_id)
    assert (names.count("run.paused"), names.count("run.unpaused")) == (1, 1)


def test_a_resumed_run_goes_on_behind_its_newest_checkpoint(shared_site: Site, tmp_path: Path) -> None:
    group = Group(tmp_path / "pipe")
    run_id = shared_site.runnable(steps(one="true", two=f"test -e {tmp_path}/again && exit; {group.script}"))
    worker = shared_site.worker(run_id)
    group.wait_until_it_runs()
    shared_site.post(f"/runs/{run_id}/cancel")
    assert (ended(worker)[0], group.is_gone()) == (1, True)

    (tmp_path / "again").touch()
    shared_site.post(f"/runs/{run_id}/start", {"resume": True})

    assert ended(shared_site.worker(run_id))[0] == 0
    assert shared_site.status(run_id) == {"kind": "succeeded", "reason": "completed"}
    assert shared_site.visited(run_id) == ["start@1", "one@1", "two@1", "two@2", "exit@1"]


# -- a server that goes away ------------------------------------------------------------------------------------------


def test_a_worker_goes_on_when_the_server_was_killed(site: Site) -> None:
    run_id = site.runnable(steps(**{f"step{number}": "true" for number in range(12)}))
    worker = site.worker()

    for visits in (2, 6, 10):
        site.seen(run_id, "stage.started", times=visits)
        site.kill()
        site.start()

    code, printed = ended(worker)
    assert (code, printed[-1]) == (0, "exit@1 succeeded")
    log = site.log(run_id)
    assert [event["seq"] for event in log] == list(range(1, len(log) + 1))
    assert len({event["id"] for event in log}) == len(log)
    assert site.visited(run_id) == ["start@1", *(f"step{number}@1" for number in range(12)), "exit@1"]


def test_a_question_outlives_the_server(site: Site) -> None:
    run_id = site.runnable(example("release"))
    worker = site.worker()
    site.seen(run_id, "run.blocked")

    site.kill()
    site.start()
    site.answer(run_id, "A")

    assert ended(worker)[0] == 0
    assert site.names(run_id).count("interview.completed") == 1


# -- with nothing but curl --------------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_curl_follows_a_run_to_its_end(shared_site: Site) -> None:
    run_id = shared_site.runnable(steps(only="true"))
    curl = ("curl", "-sSfN", "--unix-socket", shared_site.socket, "-H", f"Authorization: Bearer {shared_site.token}")
    attach = f"http://localhost/api/v1/runs/{run_id}/attach?since_seq=1"
    with subprocess.Popen([*curl, attach], stdout=subprocess.PIPE, text=True) as follower:
        assert ended(shared_site.worker(run_id))[0] == 0
        followed, _ = follower.communicate(timeout=PATIENCE_SECONDS)

    assert follower.returncode == 0
    ids = [int(line.removeprefix("id:")) for line in followed.splitlines() if line.startswith("id:")]
    assert ids == list(range(1, len(shared_site.log(run_id)) + 1))


# -- the command line -------------------------------------------------------------------------------------------------


def test_without_a_token_the_worker_says_what_is_missing() -> None:
    environ = {name: value for name, value in os.environ.items() if name != "FABRO_TOKEN"}
    done = subprocess.run(WORKER, env=environ, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (2, "worker.py: error: FABRO_TOKEN is not set")


def test_a_run_that_does_not_exist_is_named(shared_site: Site) -> None:
    worker = shared_site.worker("01KJQ0QEPA7V9X1B2C4D6F8G0H")
    _, complaints = worker.communicate(timeout=PATIENCE_SECONDS)
    assert (worker.returncode, complaints.startswith("worker: ")) == (1, True)
    assert "404" in complaints
