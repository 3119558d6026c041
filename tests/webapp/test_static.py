"""The page's files: all there, nothing from elsewhere, nothing that the page's policy would refuse."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

FILES = {each.name: each.read_text(encoding="utf-8") for each in (files("fleetline.webapp") / "static").iterdir()}
NAMESPACE = "http://www.w3.org/2000/svg"


def outside(text: str) -> list[str]:
    """Addresses of other hosts."""
    return [found for found in re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"'`)]*", text) if found != NAMESPACE]


def refused(name: str, text: str) -> list[str]:
    """What `script-src 'self'; style-src 'self'` does not let run."""
    inline = (
        r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|javascript:"
        if name.endswith(".html")
        else r"\beval\(|new Function\("
    )
    return re.findall(inline, text)


@pytest.mark.parametrize("name", FILES)
def test_nothing_comes_from_elsewhere(name: str) -> None:
    assert outside(FILES[name]) == []
    assert refused(name, FILES[name]) == []


def test_what_would_be_refused_is_noticed() -> None:
    assert outside('<script src="//cdn.example.org/d3.js">') == ["//cdn.example.org/d3.js"]
    assert outside('fetch("https://example.org/x")') == ["https://example.org/x"]
    assert refused("a.html", '<p style="color: red">') and refused("a.html", "<script>") and refused("a.js", "eval(x)")


def test_every_file_that_is_named_is_there() -> None:
    named = set(re.findall(r"/static/([\w.-]+)", " ".join(FILES.values()))) - {"vega.js"}  # made by the server
    named |= {module for text in FILES.values() for module in re.findall(r'from "\./([\w.-]+)"', text)}
    assert named == set(FILES) - {"index.html"}


def test_no_file_is_large() -> None:
    """A few small files by purpose, and no library among them."""
    assert max(map(len, FILES.values())) < 25_000
