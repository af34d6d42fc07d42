"""How two API documents differ: in which operations, and in what of them."""

from __future__ import annotations

from collections.abc import Iterator

from tests.api.contract import resolved
from tests.api.shapes import Comparison, Json, set_apart

VERBS = ("get", "put", "post", "patch", "delete")
Described = tuple[str, str, Json]
_BOUNDS = ("minimum", "maximum", "minLength", "maxLength", "pattern", "default")


def operations(document: Json) -> dict[str, Described]:
    """Method, path and description of every operation, by its id; a path's own parameters are those of each."""
    return {
        operation["operationId"]: (
            method,
            path,
            {**operation, "parameters": [*item.get("parameters", []), *operation.get("parameters", [])]},
        )
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in VERBS
    }


def document_differences(ours: Json, theirs: Json) -> Iterator[str]:
    """Everything in which the operations of both documents differ, a line each; each named schema is compared once."""
    comparison = Comparison(ours, theirs)
    mine, its = operations(ours), operations(theirs)
    for name in sorted(mine.keys() & its.keys()):
        yield from _operation(comparison, name, mine[name], its[name])


def pipeline_statuses(path: str, operation: Json) -> set[str]:
    """What the request pipeline may answer for every operation, whatever it is about (server.md S3, S27), and 400 for
    what is no run id (runs.md R3)."""
    statuses = {"500"}
    if operation.get("security") != []:
        statuses |= {"401", "403", "503"}
    if "requestBody" in operation:
        content = operation["requestBody"]["content"]
        statuses |= {"413"} | ({"400"} if "application/json" in content else set())
        if set(content) == {"application/json"}:
            statuses.add("415")
    queried = any(each["in"] == "query" for each in operation["parameters"])
    return statuses | ({"400"} if queried or path.startswith("/api/v1/runs/{id}") else set())


def _operation(comparison: Comparison, name: str, mine: Described, its: Described) -> Iterator[str]:
    if mine[:2] != its[:2]:
        yield f"{name}: {mine[:2]}, there {its[:2]}"
    ours, theirs = mine[2], its[2]
    if ours.get("security") != theirs.get("security"):
        yield f"{name}: security {ours.get('security')}, there {theirs.get('security')}"
    yield from _parameters(comparison, name, ours, theirs)
    bodies = (ours.get("requestBody", {}), theirs.get("requestBody", {}))
    if bodies[0].get("required", False) != bodies[1].get("required", False):
        yield f"{name}: body required {bodies[0].get('required', False)}"
    yield from _content(comparison, f"{name} body", *bodies)
    answers, its_answers = ours["responses"], theirs["responses"]
    yield from set_apart(answers, {*its_answers, *pipeline_statuses(mine[1], ours)}, f"{name}: statuses")
    for status in sorted(answers.keys() & its_answers.keys()):
        pair = (resolved(comparison.ours, answers[status]), resolved(comparison.theirs, its_answers[status]))
        yield from _content(comparison, f"{name} {status}", *pair)


def _parameters(comparison: Comparison, name: str, ours: Json, theirs: Json) -> Iterator[str]:
    mine, its = _by_place(comparison.ours, ours), _by_place(comparison.theirs, theirs)
    yield from set_apart(mine, its, f"{name}: parameters")
    for place in sorted(mine.keys() & its.keys()):
        one, other = mine[place], its[place]
        if one.get("required", False) != other.get("required", False):
            yield f"{name}: {place} required {one.get('required', False)}"
        yield from comparison.differences((one["schema"], other["schema"]), f"{name} {place}")
        shown = (resolved(comparison.ours, one["schema"]), resolved(comparison.theirs, other["schema"]))
        for bound in _BOUNDS:
            if shown[0].get(bound) != shown[1].get(bound):
                yield f"{name} {place}: {bound} {shown[0].get(bound)}, there {shown[1].get(bound)}"


def _by_place(document: Json, operation: Json) -> dict[str, Json]:
    described = [resolved(document, each) for each in operation["parameters"]]
    return {f"{each['in']} {each['name']}": each for each in described}


def _content(comparison: Comparison, place: str, ours: Json, theirs: Json) -> Iterator[str]:
    mine, its = ours.get("content", {}), theirs.get("content", {})
    yield from set_apart(mine, its, f"{place}: media types")
    for media_type in sorted(mine.keys() & its.keys()):
        pair = (mine[media_type].get("schema", {}), its[media_type].get("schema", {}))
        yield from comparison.differences(pair, place)
