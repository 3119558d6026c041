"""A page as its elements, read strictly: what is opened is closed, in order, and nothing stands twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset({"meta", "link", "br", "img", "input", "hr", "source"})


@dataclass
class Element:
    """A tag with its attributes, its text (all of it, also of what is inside) and what contains it."""

    tag: str
    attributes: dict[str, str]
    inside: list[Element]
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def has(self, name: str) -> bool:
        return name in self.attributes.get("class", "").split()

    def every(self, tag: str) -> list[Element]:
        """All elements of this tag inside this one."""
        found = [child for child in self.children if child.tag == tag]
        return found + [each for child in self.children for each in child.every(tag)]


class Outline(HTMLParser):
    """Elements of a page in their order; `faults` of its nesting and attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.faults: list[str] = []
        self._open: list[Element] = []
        self.feed(page)
        self.close()
        self.faults += [f"never closed: {each.tag}" for each in self._open]

    def every(self, *tags: str) -> list[Element]:
        return [each for each in self.elements if each.tag in tags]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            self.faults.append(f"an attribute twice: {self.get_starttag_text()}")
        element = Element(tag, {name: value or "" for name, value in attrs}, list(self._open))
        if self._open:
            self._open[-1].children.append(element)
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1].tag != tag:
            self.faults.append(f"</{tag}> closes {self._open[-1].tag if self._open else 'nothing'} at {self.getpos()}")
            return
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data
