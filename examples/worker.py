"""A worker: does the work of one run, and tells the run's log about every step (docs/workers.md).

    FABRO_TOKEN=… python examples/worker.py [--url URL | --socket PATH] [RUN_ID]

Takes the oldest runnable run, or the one that is named; it is done when that run is. Needs httpx, and sh for commands.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import signal
import sys
import tempfile
import time
import uuid
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx

Json = dict[str, Any]
STARTS = ("start", "Start")  # ids of start nodes, whatever their shape
HANDLERS = {"Mdiamond": "start", "Msquare": "exit", "hexagon": "human", "diamond": "conditional"}  # by shape
REPLIES = {"run.pause.requested": "run.paused", "run.unpause.requested": "run.unpaused"}
CATEGORIES = {"workflow_error": "deterministic", "cancelled": "canceled", "terminated": "transient_infra"}  # by reason
OUTPUT_BYTES = 64 * 1024  # kept of a command's output: its end
UNMEASURED = ("inference_time_ms", "tool_time_ms", "active_time_ms")


class Stopped(Exception):
    """The work must end. The run is over, or another worker's: there is nothing more to say."""


class Failed(Stopped):
    """The run itself fails."""

    def __init__(self, message: str, reason: str = "workflow_error") -> None:
        super().__init__(message)
        self.reason = reason


class RunLog:
    """A run's log: this worker's events go in, each once; everybody's come out, across connections that break."""

    def __init__(self, http: httpx.AsyncClient, run_id: str) -> None:
        self.http, self.run_id, self.path = http, run_id, f"/api/v1/runs/{run_id}"
        self.heard: list[Json] = [{"seq": 0, "event": ""}]  # by `follow`
        self.news = asyncio.Event()
        self.stopped: Stopped | None = None

    async def request(self, method: str, path: str, **content: Any) -> Json:
        """Ask until the server answers; an event is in the log then, once. Raises `Stopped`."""
        behind, delays = f"/events?since_seq={self.heard[-1]['seq'] + 1}&limit=1000", back_off()
        while True:
            with contextlib.suppress(httpx.RequestError):
                reply = await self.http.request(method, self.path + path, **content)
                if reply.status_code == 404:
                    raise Stopped("the run is gone")
                if reply.status_code == 409:
                    raise Stopped(f"the run is {(await self.request('GET', '/state'))['status']['kind']}")
                if reply.status_code != 503:
                    return dict(reply.raise_for_status().json())
            await asyncio.sleep(next(delays))
            if method == "POST":  # the reply may have been lost, and not the event
                for event in (await self.request("GET", behind))["data"]:
                    if event["id"] == content["json"]["id"]:
                        return dict(event)

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


async def walk(log: RunLog, state: Json, directory: str) -> None:
    """Visit node after node, from the start or where the newest checkpoint leads, to an exit. Raises `Stopped`."""
    graph = state["spec"]["graph"]
    nodes = {node_id: plain(node) for node_id, node in graph["nodes"].items()}
    edges = [plain(edge) | {"from": edge["from"], "to": edge["to"]} for edge in graph["edges"]]
    (start,) = (each for each, node in nodes.items() if each in STARTS or handler_of(node) == "start")
    last = state["checkpoints"][-1]["checkpoint"] if state["checkpoints"] else {"next_node_id": start}
    node_id, completed = last.get("next_node_id"), list(last.get("completed_nodes", ()))
    outcome, output = last.get("context_values", {}).get("outcome", "succeeded"), ""  # of the newest command
    visits = Counter(stage_id.rpartition("@")[0] for stage_id in state["stages"])

    while node_id is not None:
        await log.rest_while_paused()
        began, node, ways = time.monotonic(), nodes[node_id], [edge for edge in edges if edge["from"] == node_id]
        if not (handler := handler_of(node)):
            raise Failed(f"this worker cannot execute the node {node_id}")
        visits[node_id] += 1
        scope = {"node_id": node_id, "stage_id": f"{node_id}@{visits[node_id]}"}
        counts = {"index": len(completed), "attempt": 1, "max_attempts": 1}
        await log.post("stage.started", {**counts, "handler_type": handler}, **scope)
        failure = answer = None
        if handler == "command":
            failure, output = await execute(log, node, directory, scope)
            outcome = "failed" if failure else "succeeded"
        elif handler == "human":
            answer = await ask(log, node.get("label", node_id), ways, output, scope)
        status = "failed" if failure else "succeeded"
        ended = {**counts, "status": status, "timing": timing(began), "preferred_label": answer}
        if failure:
            ended |= {"will_retry": False, "failure": {"message": failure, "category": "deterministic"}}
        await log.post("stage.failed" if failure else "stage.completed", ended, **scope)
        print(scope["stage_id"], failure or answer or "succeeded", flush=True)

        completed.append(node_id)
        ways.sort(key=lambda way: not way.get("condition"))  # what has none is for when no condition holds
        on = [way["to"] for way in ways if leads_on(way, outcome, answer, {handler, handler_of(nodes[way["to"]])})]
        if not on and handler != "exit":
            raise Failed(f"{node_id} has ended ({answer or outcome}), and no edge leads on")
        checkpoint = {"status": status, "current_node": node_id, "next_node_id": on[0] if on else None}
        counted = {"completed_nodes": completed, "node_visits": visits, "node_retries": {}}
        results = {"node_outcomes": {node_id: {"status": status}}, "context_values": {"outcome": outcome}}
        await log.post("checkpoint.completed", checkpoint | counted | results)
        node_id = checkpoint["next_node_id"]
    await log.rest_while_paused()


async def execute(log: RunLog, node: Json, directory: str, scope: dict[str, str]) -> tuple[str | None, str]:
    """Execute a command, in a process group that ends with it; gives why it failed, if it did, and its output."""
    script, timeout_ms, began = node["script"], node.get("timeout"), time.monotonic()
    started = {"script": script, "command": "sh", "language": "shell", "timeout_ms": timeout_ms}
    await log.post("command.started", started, **scope)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("FABRO_")}  # no tokens
    pipes: Json = {"stdin": DEVNULL, "stdout": PIPE, "stderr": STDOUT, "start_new_session": True}
    process = await asyncio.create_subprocess_exec("sh", "-c", script, cwd=directory, env=environ, **pipes)
    ended = asyncio.create_task(process.communicate())
    ended.add_done_callback(lambda _: log.news.set())
    exit_code = failure = None
    try:
        async with asyncio.timeout(timeout_ms and timeout_ms / 1000):
            await log.until(ended.done)
        exit_code = process.returncode
        failure = f"exit code {exit_code}" if exit_code else None
    except TimeoutError:
        failure = "timed out"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await asyncio.wait({ended})
    output = ended.result()[0][-OUTPUT_BYTES:].decode(errors="replace")
    how = {"termination": "timed_out" if exit_code is None else "exited", "exit_code": exit_code}
    took = {"duration_ms": timing(began)["wall_time_ms"]}
    await log.post("command.completed", {"output": output, **how, **took}, **scope)
    return failure, output


async def ask(log: RunLog, text: str, ways: list[Json], output: str, scope: dict[str, str]) -> str:
    """Ask a person which way to go, and wait for the answer, however long that takes; gives the key of an edge."""
    question = {"question_id": str(uuid.uuid4()), "question": text, "stage": scope["node_id"]}
    options = [{"key": key(way), "label": way.get("label", way["to"])} for way in ways]
    kind = {"question_type": "multiple_choice", "allow_freeform": False, "options": options, "context_display": output}
    asked = await log.post("interview.started", question | kind, **scope)
    blocked = await log.post("run.blocked", {"blocked_reason": "human_input_required"})
    print(scope["stage_id"], "waits for an answer", flush=True)
    answered = await log.until(lambda: log.newest("interview.completed", after=asked))
    if answered["seq"] < blocked:  # nobody else takes back a block that came after the answer
        await log.post("run.unblocked")
    return str(answered["properties"]["answer"])


def leads_on(way: Json, outcome: str, answer: str | None, ends: set[str]) -> bool:
    """Whether to follow an edge. A failure leads on along a condition, or into a choice, and nowhere else."""
    if answer is not None:
        return answer == key(way)
    if way.get("condition"):
        return bool(way["condition"] == f"outcome={outcome}")
    return outcome == "succeeded" or "conditional" in ends


def handler_of(node: Json) -> str:
    """What executes a node; empty when this worker cannot."""
    return HANDLERS.get(node.get("shape", ""), "command" if "script" in node else "")


def plain(element: Json) -> Json:
    """The attributes of a node or an edge, without their types; durations are in milliseconds."""
    return {name: next(iter(typed.values())) for name, typed in element["attrs"].items()}


def key(way: Json) -> str:
    """What an answer names an edge by: A when the label is `[A] Approve`."""
    label = str(way.get("label", way["to"]))
    return label[1:].partition("]")[0] if label.startswith("[") else label


def timing(began: float) -> Json:
    """The time since then. No model was asked, and commands are timed by events of their own."""
    return {"wall_time_ms": round((time.monotonic() - began) * 1000), **dict.fromkeys(UNMEASURED, 0)}


def back_off() -> Iterator[float]:
    """Seconds before each further attempt, without an end: a server may be away for an hour."""
    return itertools.chain((0.05, 0.1, 0.25, 1), itertools.repeat(5))


async def work(log: RunLog, directory: str) -> bool:
    """Take a run and do its work, to the one event that ends it; whether it succeeded. Raises `Stopped`."""
    began = time.monotonic()
    log.heard = (await log.request("GET", "/events?order=desc&limit=1"))["data"]  # first: what is newer, will be heard
    state = await log.request("GET", "/state")
    if state["status"]["kind"] != "runnable":
        raise Stopped(f"the run is {state['status']['kind']}, not runnable")
    follower = asyncio.create_task(log.follow())
    try:
        taken = await log.post("run.starting")  # there are no leases: the first in the log counts
        if any(each["event"] == "run.starting" and each["seq"] < taken for each in log.heard):
            raise Stopped("another worker has taken the run")
        try:
            await log.post("run.started", {"name": state["spec"]["graph"]["name"]})
            await log.post("run.running")
            await walk(log, state, directory)
            end, result = "run.completed", {"artifact_count": 0, "status": "succeeded", "reason": "completed"}
        except Failed as failed:
            detail = {"message": str(failed), "category": CATEGORIES[failed.reason]}
            end, result = "run.failed", {"failure": {"reason": failed.reason, "detail": detail}}
            print(f"failed: {failed}", flush=True)
        await log.append(end, {**result, "timing": timing(began)})
        await follower
        return end == "run.completed"
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
        sys.exit(f"worker: {str(end).splitlines()[0]}")
