"""A worker: does the work of one run, and tells the run's log about every step (docs/workers.md).

    FABRO_TOKEN=… python examples/worker.py [--url URL | --socket PATH] [RUN_ID]

Takes the oldest runnable run, or the one that is named, if it can do all that its graph says; it is done when that run
is. Needs httpx, and bash or sh for commands.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import uuid
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
from worker_graph import Graph, Json, Outcome, Step, options_of

REPLIES = {"run.pause.requested": "run.paused", "run.unpause.requested": "run.unpaused"}
OVER = ("succeeded", "failed", "dead", "removing")
CATEGORIES = {"workflow_error": "deterministic", "cancelled": "canceled", "terminated": "transient_infra"}  # by reason
OUTPUT_BYTES = 64 * 1024  # kept of a command's output: its end
SHELL = shutil.which("bash") or "sh"
NO_FAILURES = ("exit", "conditional")  # handlers whose outcome is not that of any work
UNMEASURED = ("inference_time_ms", "tool_time_ms", "active_time_ms")


class Stopped(Exception):
    """The work must end. The run is over, or another worker's: there is nothing more to say."""


class Failed(Stopped):
    """The run itself fails."""

    def __init__(self, message: str, reason: str = "workflow_error", causes: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.reason, self.causes = reason, list(causes)


class Refused(Failed):
    """The server does not take an event of this worker, so what the run has come to cannot be told."""


class RunLog:
    """A run's log: this worker's events go in, each once; everybody's come out, across connections that break."""

    def __init__(self, http: httpx.AsyncClient, run_id: str) -> None:
        self.http, self.run_id, self.path = http, run_id, f"/api/v1/runs/{run_id}"
        self.heard: list[Json] = [{"seq": 0, "event": ""}]  # by `follow`
        self.news = asyncio.Event()
        self.stopped: Stopped | None = None

    async def request(self, method: str, path: str, **content: Any) -> Json:
        """Ask until the server answers; an event is in the log then, once. Raises `Stopped`, `Refused`."""
        behind, delays = f"/events?since_seq={self.heard[-1]['seq'] + 1}&limit=1000", back_off()
        while True:
            with contextlib.suppress(httpx.RequestError):
                reply = await self.http.request(method, self.path + path, **content)
                if reply.status_code == 404:
                    raise Stopped("the run is gone")
                if method == "POST" and 400 <= reply.status_code < 500:
                    await self.refused(content["json"]["event"], reply)
                if reply.status_code != 503:
                    return dict(reply.raise_for_status().json())
            await asyncio.sleep(next(delays))
            if method == "POST":  # the reply may have been lost, and not the event
                for event in (await self.request("GET", behind))["data"]:
                    if event["id"] == content["json"]["id"]:
                        return dict(event)

    async def refused(self, event: str, reply: httpx.Response) -> None:
        """An event is not wanted: because the run is over, or somebody else's; or something is wrong with the event."""
        status = (await self.request("GET", "/state"))["status"]["kind"]
        if status in OVER or event in ("run.starting", "run.failed"):
            raise Stopped(f"the run is {status}: {reply.json()['errors'][0]['detail']}")
        raise Refused(f"the server refused {event}: {reply.json()['errors'][0]['detail']}")

    async def append(self, event: str, properties: Json | None = None, **scope: str) -> int:
        """Append an event; gives its seq. Raises `Stopped`."""
        named = {"id": str(uuid.uuid4()), "ts": datetime.now(UTC).isoformat(), "run_id": self.run_id, "event": event}
        told = {"actor": {"kind": "worker", "run_id": self.run_id}, "properties": properties or {}}
        return int((await self.request("POST", "/events", json=named | scope | told))["seq"])

    async def post(self, event: str, properties: Json | None = None, **scope: str) -> int:
        """Append an event and hear all that came before it; gives its seq. Raises `Stopped`."""
        seq = await self.append(event, properties, **scope)
        await self.until(lambda: self.heard[-1]["seq"] >= seq)
        return seq

    async def follow(self) -> None:
        """Hear the log, over one connection after the other, until the run is over."""
        delays = back_off()
        cursor: Json = {"params": {"since_seq": self.heard[-1]["seq"] + 1}}
        while True:
            with contextlib.suppress(httpx.RequestError):
                async with self.http.stream("GET", f"{self.path}/attach", **cursor) as stream:
                    if 400 <= stream.status_code < 500:
                        return self.stop(Stopped("the run is over"))
                    async for line in stream.aiter_lines():
                        if line.startswith("data:"):
                            self.heard.append(json.loads(line.removeprefix("data:")))
                            self.news.set()
                            if self.heard[-1]["event"] == "run.cancel.requested":
                                self.stop(Failed("somebody cancelled the run", "cancelled"))
                            delays, cursor = back_off(), {"headers": {"Last-Event-ID": str(self.heard[-1]["seq"])}}
            await asyncio.sleep(next(delays))

    def stop(self, why: Stopped) -> None:
        """End the work wherever it waits. What comes first counts."""
        self.stopped = self.stopped or why
        self.news.set()

    def newest(self, *names: str, after: int = 0) -> Json | None:
        """The newest event of these names that was heard, if it comes after a seq."""
        return next((each for each in reversed(self.heard) if each["event"] in names and each["seq"] > after), None)

    async def until(self, said: Callable[[], Any]) -> Any:
        """Wait until something is so, looking whenever there are `news`; gives what it is. Raises `Stopped`."""
        while not self.stopped:
            if found := said():
                return found
            self.news.clear()
            await self.news.wait()
        raise self.stopped

    async def rest_while_paused(self) -> None:
        """Report a pause that was asked for, and wait for its end. Raises `Stopped`."""

        def control() -> str:
            said = self.newest(*REPLIES, *REPLIES.values())
            return str(said["event"]) if said else "run.unpaused"

        while (asked := control()) != "run.unpaused":
            if asked in REPLIES:
                await self.post(REPLIES[asked])
            else:
                await self.until(lambda: control() != "run.paused")


class Walk:
    """The way through a graph, from the start or where the newest checkpoint leads (execution.md N3)."""

    def __init__(self, log: RunLog, state: Json, directory: str) -> None:
        self.log, self.directory, self.graph = log, directory, Graph(state["spec"]["graph"])
        last = state["checkpoints"][-1]["checkpoint"] if state["checkpoints"] else {}
        self.node_id: str = last.get("next_node_id") or self.graph.starts[0]
        self.completed: list[str] = list(last.get("completed_nodes", ()))
        self.facts: Json = dict(last.get("context_values", {}))  # the run's context
        self.statuses = {node: told["status"] for node, told in last.get("node_outcomes", {}).items()}
        self.visits = Counter(stage_id.rpartition("@")[0] for stage_id in state["stages"])

    async def to_the_end(self) -> None:
        """Visit node after node, to an exit. Raises `Stopped`."""
        while True:
            await self.log.rest_while_paused()
            handler = self.graph.handler(self.node_id)
            if handler == "exit" and (gate := self.graph.unsatisfied(self.statuses)):
                step = self.graph.retry(gate, "goal_gate")
                if step is None:
                    raise Failed(f"the goal gate {gate} is not satisfied, and no retry_target is named")
                await self.go(step, Outcome("failed"))
                continue
            outcome = await self.visit(handler)
            if handler == "exit":
                return
            step = self.graph.way_on(self.node_id, outcome, self.facts)
            if step is None:
                causes = [outcome.failure["message"]] if outcome.failure else []
                raise Failed(f"{self.node_id} has ended ({outcome.status}), and no edge leads on", causes=causes)
            await self.go(step, outcome)

    async def visit(self, handler: str) -> Outcome:
        """One node: what it comes to is told, and remembered."""
        node_id, began = self.node_id, time.monotonic()
        node = self.graph.nodes[node_id]
        limit = node.get("max_visits", 0) or self.graph.attrs.get("max_node_visits", 0)
        if 0 < limit <= self.visits[node_id]:
            raise Failed(f"{node_id} has been visited {limit} times, which is its limit")
        self.visits[node_id] += 1
        scope = {"node_id": node_id, "stage_id": f"{node_id}@{self.visits[node_id]}"}
        counts = {"index": len(self.completed), "attempt": 1, "max_attempts": 1}
        await self.log.post("stage.started", {**counts, "handler_type": handler}, **scope)
        outcome = Outcome()
        if handler == "command":
            outcome, self.facts["command.output"] = await execute(self.log, node, self.directory, scope)
        elif handler == "human":
            output = self.facts.get("command.output", "")
            outcome = await ask(self.log, node.get("label", node_id), self.graph.ways(node_id), output, scope)
        if outcome.failure and node.get("auto_status"):
            outcome = Outcome()
        ended = {**counts, "timing": timing(began)}
        if outcome.failure:
            await self.log.post("stage.failed", {**ended, "will_retry": False, "failure": outcome.failure}, **scope)
        else:
            routes = {"preferred_label": outcome.label, "suggested_next_ids": outcome.suggested}
            await self.log.post("stage.completed", {**ended, "status": outcome.status, **routes}, **scope)
        said = outcome.failure["message"].splitlines()[0] if outcome.failure else outcome.label or "succeeded"
        print(scope["stage_id"], said, flush=True)
        self.completed.append(node_id)
        self.statuses[node_id] = outcome.status
        if handler not in NO_FAILURES:  # conditions behind a choice look at what came before it
            self.facts |= {"outcome": outcome.status, "preferred_label": outcome.label or ""}
        return outcome

    async def go(self, step: Step, outcome: Outcome) -> None:
        """Take the way on, and note where the run can be resumed; not at an exit, which has no visit yet."""
        ways = {"from_node": self.node_id, "to_node": step.target, "reason": step.reason, "is_jump": step.is_jump}
        edge: Json = {name: step.edge[name] for name in ("label", "condition") if name in step.edge}
        await self.log.post("edge.selected", {**ways, **edge, "stage_status": outcome.status})
        if self.graph.handler(self.node_id) != "exit":
            place = {"status": outcome.status, "current_node": self.node_id, "next_node_id": step.target}
            counted = {"completed_nodes": self.completed, "node_visits": self.visits, "node_retries": {}}
            told = {"node_outcomes": {node: {"status": status} for node, status in self.statuses.items()}}
            await self.log.post("checkpoint.completed", {**place, **counted, **told, "context_values": self.facts})
        self.node_id = step.target


async def execute(log: RunLog, node: Json, directory: str, scope: dict[str, str]) -> tuple[Outcome, str]:
    """Execute a command, in a process group that ends with it; gives what came of it, and the end of its output."""
    script, timeout_ms, began = node["script"], node.get("timeout"), time.monotonic()
    started = {"script": script, "command": SHELL, "language": "shell", "timeout_ms": timeout_ms}
    await log.post("command.started", started, **scope)
    hidden = ("FABRO_", "BASH_ENV")  # no tokens
    environ = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    pipes: Json = {"stdin": DEVNULL, "stdout": PIPE, "stderr": STDOUT, "start_new_session": True}
    process = await asyncio.create_subprocess_exec(SHELL, "-c", script, cwd=directory, env=environ, **pipes)
    ended = asyncio.create_task(end_of(process))
    ended.add_done_callback(lambda _: log.news.set())
    try:
        async with asyncio.timeout(timeout_ms and timeout_ms / 1000):
            await log.until(ended.done)
        termination = "exited"
    except TimeoutError:
        termination = "timed_out"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await asyncio.wait({ended})
    output, output_bytes = ended.result()
    code = process.returncode or 0
    exit_code = None if termination == "timed_out" else code if code >= 0 else 128 - code
    told = {"termination": termination, "exit_code": exit_code, "duration_ms": timing(began)["wall_time_ms"]}
    await log.post("command.completed", {"output": output, "output_bytes": output_bytes, **told}, **scope)
    if exit_code == 0:
        return Outcome(), output
    if exit_code is None:
        return failed("timed out", "transient_infra"), output
    return failed(f"exit code {exit_code}\n{output[-4096:]}".strip(), "deterministic"), output


async def end_of(process: Process) -> tuple[str, int]:
    """The end of what a process writes, in whole characters, and the length of all of it in bytes."""
    assert process.stdout is not None
    kept, length = b"", 0
    while read := await process.stdout.read(OUTPUT_BYTES):
        kept, length = (kept + read)[-OUTPUT_BYTES:], length + len(read)
    await process.wait()
    begins = next((at for at in range(min(4, len(kept))) if kept[at] & 0xC0 != 0x80), 0) if length > len(kept) else 0
    return kept[begins:].decode(errors="replace"), length


async def ask(log: RunLog, text: str, ways: list[Json], output: str, scope: dict[str, str]) -> Outcome:
    """Ask a person which way to go, and wait for the answer, however long that takes."""
    if not (options := options_of(ways)):
        return failed("nobody can choose: no edge leads on", "deterministic")
    question = {"question_id": str(uuid.uuid4()), "question": text, "stage": scope["node_id"]}
    kind = {"question_type": "multiple_choice", "allow_freeform": False, "options": options, "context_display": output}
    asked = await log.post("interview.started", question | kind, **scope)
    blocked = await log.post("run.blocked", {"blocked_reason": "human_input_required"})
    print(scope["stage_id"], "waits for an answer", flush=True)
    answered = await log.until(lambda: log.newest("interview.completed", after=asked))
    if answered["seq"] < blocked:  # nobody else takes back a block that came after the answer
        await log.post("run.unblocked")
    answer = str(answered["properties"]["answer"])
    chosen = next((way for way, option in zip(ways, options, strict=True) if option["key"] == answer), ways[0])
    return Outcome(label=chosen.get("label", chosen["to"]), suggested=[chosen["to"]])


def failed(message: str, category: str) -> Outcome:
    """The outcome of a node that has failed."""
    return Outcome("failed", {"message": message, "category": category})


def timing(began: float) -> Json:
    """The time since then. No model was asked, and commands are timed by events of their own."""
    return {"wall_time_ms": round((time.monotonic() - began) * 1000), **dict.fromkeys(UNMEASURED, 0)}


def back_off() -> Iterator[float]:
    """Seconds before each further attempt, without an end: a server may be away for an hour."""
    return itertools.chain((0.05, 0.1, 0.25, 1), itertools.repeat(5))


def obstacles_of(state: Json) -> Iterator[str]:
    """Why this worker cannot do a run, every reason: better none than one that does half of it."""
    run = state["spec"]["settings"]["run"]
    if (provider := run["environment"]["provider"]) != "local":
        yield f"settings: it has no {provider} environment"
    if run["execution"]["mode"] != "normal" or run["execution"]["approval"] != "prompt":
        yield "settings: it knows no other execution than normal, with a prompt for approval"
    for name, wanted in (("prepare.steps", run["prepare"]["steps"]), ("hooks", run["hooks"])):
        if wanted:
            yield f"settings: it knows no {name}"
    yield from Graph(state["spec"]["graph"]).obstacles()


async def work(log: RunLog, directory: str) -> bool:
    """Take a run and do its work, to the one event that ends it; whether it succeeded. Raises `Stopped`."""
    began = time.monotonic()
    log.heard = (await log.request("GET", "/events?order=desc&limit=1"))["data"]  # first: what is newer, will be heard
    state = await log.request("GET", "/state")
    if state["status"]["kind"] != "runnable":
        raise Stopped(f"the run is {state['status']['kind']}, not runnable")
    if obstacles := list(obstacles_of(state)):
        raise Stopped("\n  ".join(["this worker cannot do the run, which waits for another:", *obstacles]))
    follower, succeeded = asyncio.create_task(log.follow()), False
    try:
        taken = await log.post("run.starting")  # there are no leases: the first in the log counts
        if any(each["event"] == "run.starting" and each["seq"] < taken for each in log.heard):
            raise Stopped("another worker has taken the run")
        try:
            await log.post("run.started", {"name": state["spec"]["graph"]["name"]})
            await log.post("run.running")
            await Walk(log, state, directory).to_the_end()
            result = {"artifact_count": 0, "status": "succeeded", "reason": "completed"}
            await log.append("run.completed", {**result, "timing": timing(began)})
        except Failed as failed:
            print(f"failed: {failed}", flush=True)
            detail = {"message": str(failed), "category": CATEGORIES[failed.reason], "causes": failed.causes}
            failure = {"reason": failed.reason, "detail": detail}
            await log.append("run.failed", {"failure": failure, "timing": timing(began)})
        else:
            succeeded = True
        await follower
        return succeeded
    finally:
        follower.cancel()


async def main(token: str, url: str, socket: str | None, run_id: str | None) -> int:
    """Find a run, get a token for it, do its work; gives the exit code."""
    transport, timeout = httpx.AsyncHTTPTransport(uds=socket), httpx.Timeout(10, read=45)  # three keep-alives
    async with httpx.AsyncClient(base_url=url, transport=transport, timeout=timeout) as http:
        http.headers["Authorization"] = f"Bearer {token}"
        if run_id is None:
            oldest = "/api/v1/runs?status=runnable&sort=created_at&direction=asc&page[limit]=1"
            runs = (await http.get(oldest)).raise_for_status().json()["data"]
            if not runs:
                print("no run is runnable")
                return 0
            run_id = runs[0]["id"]
        issued = (await http.post(f"/api/v1/runs/{run_id}/worker-token")).raise_for_status().json()
        http.headers["Authorization"] = f"Bearer {issued['token']}"  # good for nothing but this run's work
        log, loop = RunLog(http, issued["run_id"]), asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, log.stop, Failed("the worker was interrupted", "terminated"))
        with tempfile.TemporaryDirectory(prefix="fabro-run-") as directory:
            return 0 if await work(log, directory) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Do the work of one run. FABRO_TOKEN is a user's token.")
    parser.add_argument("run_id", nargs="?", help="the oldest runnable run by default")
    parser.add_argument("--url", default="http://127.0.0.1:32276", help="of the server (%(default)s)")
    parser.add_argument("--socket", help="Unix socket of the server, used in place of the host of --url")
    chosen = parser.parse_args()
    if not (user_token := os.environ.get("FABRO_TOKEN")):
        parser.error("FABRO_TOKEN is not set")
    try:
        sys.exit(asyncio.run(main(user_token, chosen.url, chosen.socket, chosen.run_id)))
    except (httpx.HTTPError, Stopped) as end:
        sys.exit(f"worker: {end}" if isinstance(end, Stopped) else f"worker: {str(end).splitlines()[0]}")
