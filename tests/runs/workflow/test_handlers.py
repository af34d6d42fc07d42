"""Starts, exits and what executes the other nodes (language.md L6)."""

from __future__ import annotations

import msgspec
import pytest

from fabro_core.models.graph import Handler
from fabro_core.runs.workflow.handlers import Roles, roles_of, stored_handlers
from tests.runs.workflow.graphs import graph_of


def roles(body: str) -> Roles:
    return roles_of(graph_of(body).nodes.values())


def handlers(body: str) -> dict[str, Handler]:
    return dict(roles(body).handlers)


@pytest.mark.parametrize(
    ("shape", "handler"),
    [
        ("Mdiamond", "start"),
        ("Msquare", "exit"),
        ("box", "agent"),
        ("tab", "prompt"),
        ("hexagon", "human"),
        ("diamond", "conditional"),
        ("component", "parallel"),
        ("tripleoctagon", "parallel.fan_in"),
        ("parallelogram", "command"),
        ("house", "stack.manager_loop"),
        ("insulator", "wait"),
        ("circle", "agent"),
        ("Box", "agent"),
    ],
)
def test_a_shape_stands_for_a_handler(shape: str, handler: str) -> None:
    assert handlers(f"a [shape={shape}]") == {"a": handler}
    assert handlers(f"node [shape={shape}] a") == {"a": handler}


@pytest.mark.parametrize(
    ("body", "handler"),
    [
        # a start and an exit are what they are, whatever else they have
        ("start [type=human, shape=box, script=x]", "start"),
        ("start [shape=circle]", "start"),
        ("a [shape=Mdiamond, type=wait]", "start"),
        ("node [shape=Msquare] a", "exit"),
        ("Start", "start"),
        ("exit", "exit"),
        ("Exit", "exit"),
        ("end", "exit"),
        ("End", "exit"),
        ("START", "agent"),
        ("a [type=start]", "start"),
        # then a known type decides
        ("a [type=tool, shape=tab]", "command"),
        ("a [type=command]", "command"),
        ("node [type=wait] a [shape=box]", "wait"),
        ('a [type="parallel.fan_in"]', "parallel.fan_in"),
        ("a [type=agent_loop, shape=tab]", "agent"),
        ("a [type=one_shot]", "prompt"),
        # an unknown one goes on with the shape, but then a script says nothing
        ("a [type=robot, shape=hexagon]", "human"),
        ("a [type=robot, script=x]", "agent"),
        ("a [type=5, script=x]", "agent"),
        # then a shape, own or not
        ("a [shape=hexagon, script=x]", "human"),
        ("node [shape=hexagon] a [script=x]", "human"),
        ("node [shape=box] a [script=x]", "agent"),
        ("node [shape=hexagon] a [shape=tab]", "prompt"),
        ("a [shape=unknown, script=x]", "agent"),
        ('a [shape="", script=x]', "agent"),
        # then a script
        ("a [script=x]", "command"),
        ("node [script=x] a", "command"),
        ("a", "agent"),
    ],
)
def test_the_first_thing_that_names_a_handler_decides(body: str, handler: str) -> None:
    assert list(handlers(body).values()) == [Handler(handler)]


def test_a_type_names_a_start_only_where_neither_shapes_nor_ids_do() -> None:
    assert roles("go [type=start] halt [type=exit]").starts == ("go",)
    both = roles("go [type=start] a [shape=Mdiamond] start")
    assert both.starts == ("a", "start")
    assert both.handlers["go"] is Handler.START


def test_a_node_that_starts_and_ends_starts() -> None:
    assert roles("start [shape=Msquare]").handlers == {"start": Handler.START}


@pytest.mark.parametrize(
    ("body", "classified"),
    [
        ("a", True),
        ("a [script=x]", True),
        ("a [shape=tab]", True),
        ("a [shape=ellipse]", False),
        ("a [type=wait, shape=ellipse]", True),
        ("a [type=robot, shape=tab]", False),
        ("a [type=one_shot]", True),
        ('a [import="gone.fabro"]', False),
    ],
)
def test_a_node_is_classified_when_its_type_or_else_its_shape_is_known(body: str, classified: bool) -> None:
    assert ("a" in roles(body).classified) is classified


def test_roles_are_read_back_from_what_is_stored() -> None:
    graph = graph_of("start a [script=x] b [shape=hexagon] end")
    assert stored_handlers(msgspec.json.encode(graph)) == {
        "start": Handler.START,
        "a": Handler.COMMAND,
        "b": Handler.HUMAN,
        "end": Handler.EXIT,
    }
