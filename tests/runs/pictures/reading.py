"""Reads pictures as clients do."""

from __future__ import annotations

from xml.etree import ElementTree

SVG = "{http://www.w3.org/2000/svg}"


def groups(picture: str, kind: str) -> list[ElementTree.Element]:
    """The groups of a class, `node` or `edge`."""
    root = ElementTree.fromstring(picture.partition("?>")[2])
    return [each for each in root.iter(f"{SVG}g") if each.get("class") == kind]


def titles_of_nodes(picture: str) -> list[str]:
    """The ids of the nodes, as `g.node > title` has them."""
    return [each.findtext(f"{SVG}title") or "" for each in groups(picture, "node")]


def titles_of_edges(picture: str) -> list[str]:
    return [each.findtext(f"{SVG}title") or "" for each in groups(picture, "edge")]


def texts(picture: str) -> list[str]:
    """Everything that can be read in it."""
    root = ElementTree.fromstring(picture.partition("?>")[2])
    return [each.text or "" for each in root.iter(f"{SVG}text")]
