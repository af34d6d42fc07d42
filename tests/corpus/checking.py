"""Asks a server about a case of the corpus, in every way that there is, and says what is not as expected."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx

from tests.corpus.cases import Case, Json, differences

OPERATIONS = ("validate", "preflight", "runs")
_PLACE = re.compile(r"\.fabro:([0-9]+):([0-9]+)")
_SHOWN_RULES = 5
"""How many errors the refusal of a run names."""


async def faults_of(case: Case, client: httpx.AsyncClient) -> list[str]:
    """What the server answers otherwise than the case expects."""
    answers = {name: await client.post(f"/api/v1/{name}", json=case.manifest()) for name in OPERATIONS}
    found = [f"{name}: {each}" for name, answer in answers.items() for each in _answer_faults(case, name, answer)]
    if not found and answers["runs"].status_code == 201:
        found += [each async for each in _run_faults(case, answers["runs"].json(), client)]
    return found


def _answer_faults(case: Case, name: str, answer: httpx.Response) -> Iterator[str]:
    expected = case.expected
    judged = expected.get("validate", {}).get("status", 400 if "fault" in expected else 200)
    status = expected["create"] if name == "runs" else judged
    if answer.status_code != status:
        yield f"{answer.status_code}, not {status}: {answer.text}"
    elif status == 400:
        detail: str = answer.json()["errors"][0]["detail"]
        yield from _refusal_faults(expected.get("fault", {}), detail)
        if name == "runs":
            yield from _unnamed_rules(expected, detail)
    elif name != "runs":
        yield from judgement_faults(expected, name, answer.json())


def _refusal_faults(fault: Json, detail: str) -> Iterator[str]:
    said = detail.lower()
    yield from (f"{text!r} is not in {detail!r}" for text in fault.get("has", []) if text.lower() not in said)
    yield from (f"{text!r} is in {detail!r}" for text in fault.get("lacks", []) if text.lower() in said)
    if "any" in fault and not any(text.lower() in said for text in fault["any"]):
        yield f"none of {fault['any']} is in {detail!r}"
    place = _PLACE.search(detail)
    for index, key in enumerate(("line", "column"), start=1):
        if key not in fault:
            continue
        told = [place[index]] if place else re.findall(r"[0-9]+", detail)
        if str(fault[key]) not in told:
            yield f"the {key} {fault[key]} is not in {detail!r}"


def _unnamed_rules(expected: Json, detail: str) -> Iterator[str]:
    """Rules that a refusal should name: `template_undefined_variable` is an error when a run is created."""
    errors = [each["rule"] for each in expected.get("diagnostics", ()) if _severity("runs", each) == "error"]
    yield from (f"{rule} is not in {detail!r}" for rule in errors[:_SHOWN_RULES] if rule not in detail)


def judgement_faults(expected: Json, name: str, answer: Json) -> Iterator[str]:
    ok = expected.get("ok", expected["create"] == 201)
    if name == "preflight":
        ok = expected.get("preflight_ok", ok)
    workflow = answer["workflow"]
    if answer["ok"] is not ok:
        yield f"ok is {answer['ok']}: {workflow['diagnostics']}"
    yield from differences(expected.get("summary", {}), workflow)
    graph = expected.get("graph", {})
    yield from differences({key: graph[key] for key in ("nodes", "edges") if key in graph}, workflow)
    yield from _diagnostic_faults(expected, name, workflow["diagnostics"])


def _diagnostic_faults(expected: Json, name: str, found: list[Json]) -> Iterator[str]:
    if "diagnostics" in expected:
        if [each["rule"] for each in found] != [each["rule"] for each in expected["diagnostics"]]:
            yield f"other diagnostics: {found}"
            return
        for part, whole in zip(expected["diagnostics"], found, strict=True):
            yield from diagnostic_faults(part, whole, name)
    for part in expected.get("diagnostics_contain", []):
        if not any(not list(diagnostic_faults(part, each, name)) for each in found):
            yield f"{part} is not among {found}"


def diagnostic_faults(part: Json, found: Json, operation: str) -> Iterator[str]:
    """What is not as expected about one diagnostic."""
    same: Json = {key: part[key] for key in ("rule", "edge", "line", "column", "source_path") if key in part}
    if "node" in part:
        same["node_id"] = part["node"]
    yield from differences({**same, "severity": _severity(operation, part)}, found)
    yield from (
        f"{text!r} is not in the message of {found}" for text in part.get("has", []) if text not in found["message"]
    )
    if "near" in part and not re.search(rf"\b{re.escape(part['near'])}\b", f"{found['message']} {found['fix']}"):
        yield f"{part['near']!r} is not in message or fix of {found}"


def _severity(operation: str, part: Json) -> str:
    """The severity of a diagnostic; only `validate` is patient with names that are not bound."""
    strict = operation != "validate" and part["rule"] == "template_undefined_variable"
    return "error" if strict else str(part["severity"])


async def _run_faults(case: Case, run: Json, client: httpx.AsyncClient) -> Any:
    expected, path = case.expected, f"/api/v1/runs/{run['id']}"
    for each in differences(expected.get("run", {}), run):
        yield f"run: {each}"
    if "settings" in expected:
        for each in differences(expected["settings"], (await client.get(f"{path}/settings")).json()):
            yield f"settings: {each}"
    if "graph" in expected:
        state = (await client.get(f"{path}/state")).json()
        for each in _graph_faults(expected["graph"], state["spec"]["graph"]):
            yield f"graph: {each}"
    if expected.get("source_same"):
        source = (await client.get(f"{path}/graph/source")).content
        if source != case.source.encode():
            yield f"the source is {source!r}"


def _graph_faults(expected: Json, graph: Json) -> Iterator[str]:
    edges = graph["edges"]
    same = {key: expected[key] for key in ("name", "attrs") if key in expected}
    yield from differences({**same, "nodes": expected.get("node", {})}, graph)
    counted = {"nodes": len(graph["nodes"]), "edges": len(edges)}
    yield from differences({key: expected[key] for key in counted if key in expected}, counted)
    if "keys" in expected:
        yield from differences({"$keys": expected["keys"]}, graph["nodes"], "nodes")
    yield from (f"there is no node {node}" for node in expected.get("node", {}) if node not in graph["nodes"])
    if "edge" in expected:
        yield from differences(expected["edge"], edges, "edges")
    if "edges_set" in expected:
        ends = [[edge["from"], edge["to"]] for edge in edges]
        yield from differences({"$set": expected["edges_set"]}, ends, "edges")
