"""A page as a parser reads it: its elements in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Element:
    """A start tag with its attributes, and the text up to its end."""

    tag: str
    attributes: dict[str, str]
    texts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())


_VOID = {"meta", "link", "img", "input", "br", "hr"}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag, "elements nest"

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.texts.append(data)


def elements_of(page: str) -> list[Element]:
    """Every element of a page. Fails when they do not nest."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return reader.elements


def find(page: str, tag: str, **attributes: str) -> list[Element]:
    """The elements of this tag that have these attributes."""
    return [
        element
        for element in elements_of(page)
        if element.tag == tag and attributes.items() <= element.attributes.items()
    ]


def links_of(page: str) -> list[str]:
    """Everything that a page leads to or loads, and where its forms go."""
    names = ("href", "src", "action")
    return [element.attributes[name] for element in elements_of(page) for name in names if name in element.attributes]
