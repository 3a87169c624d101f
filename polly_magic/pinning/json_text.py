"""Changes in the text of a JSON document that leave the rest of it byte for byte as it was.

Reading a document and writing it again would change its escapes, numbers and white space. So the places are found by
reading, and the text is changed only there, in the style of what is around.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

__all__ = ["append_member", "insert_item", "replace_value"]

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()

Path = tuple["str | int", ...]


def replace_value(text: str, path: Path, value: object) -> str:
    """Put another value in the place of the one at `path`.

    Examples
    --------
    >>> replace_value('{"a": [1, 2.50],  "b": 3}', ("b",), {"c": "é"})
    '{"a": [1, 2.50],  "b": {"c": "é"}}'
    """
    start, end = _find(text, path)
    return text[:start] + _Style.of(text).write(value, len(path)) + text[end:]


def append_member(text: str, path: Path, key: str, value: object) -> str:
    r"""Add a member to the object at `path`, after the others.

    Examples
    --------
    >>> append_member('{"a": {"b": 1.0}}', ("a",), "c", 2)
    '{"a": {"b": 1.0, "c": 2}}'
    >>> append_member('{\n "a": {}\n}\n', ("a",), "c", 2)
    '{\n "a": {\n  "c": 2\n }\n}\n'
    """
    start, end = _find(text, path)
    style, depth = _Style.of(text), len(path) + 1
    places = [place for _, *place in _members(text, start)]
    member = f"{style.write(key, depth)}{style.colon}{style.write(value, depth)}"
    return _insert(text, start, end, places, len(places), member, style, depth)


def insert_item(text: str, path: Path, index: int, value: object) -> str:
    r"""Put an item into the array at `path`, before the one that is at `index`.

    Examples
    --------
    >>> insert_item('{"a":[1.0,2]}', ("a",), 1, 7)
    '{"a":[1.0,7,2]}'
    >>> insert_item('{\n "a": [\n  1\n ]\n}', ("a",), 0, [])
    '{\n "a": [\n  [],\n  1\n ]\n}'
    """
    start, end = _find(text, path)
    style, depth = _Style.of(text), len(path) + 1
    places = [[place[0], place[1]] for place in _items(text, start)]
    return _insert(text, start, end, places, index, style.write(value, depth), style, depth)


@dataclass(frozen=True)
class _Style:
    """How a document is written."""

    indent: str | None
    newline: str
    comma: str
    colon: str
    ascii_only: bool

    @classmethod
    def of(cls, text: str) -> _Style:
        opening = re.match(r"\s*\{([ \t\r\n]*)", text)
        space = opening[1] if opening else ""
        indent = space.rpartition("\n")[2] if "\n" in space else None
        colon = re.search(r'"(:[ \t]*)', text)
        tight = indent is None and re.search(r'[\]}"\d],["{\[\d]', text) is not None and (colon or " ")[1] == ":"
        return cls(
            indent,
            "\r\n" if "\r\n" in space else "\n",
            "," if tight or indent is not None else ", ",
            colon[1] if colon else ": ",
            # no one writes both: a document with escapes only is one that was written as ASCII
            text.isascii() and re.search(r"\\u(?!00[01])[0-9a-fA-F]{4}", text) is not None,
        )

    def write(self, value: object, depth: int) -> str:
        separators = (self.comma, self.colon)
        written = json.dumps(value, indent=self.indent, ensure_ascii=self.ascii_only, separators=separators)
        if any("\ud800" <= character <= "\udfff" for character in written):
            # Half a pair can stand in a file as an escape only.
            written = json.dumps(value, indent=self.indent, separators=separators)
        # A string has no line break of its own in JSON.
        return written.replace("\n", self.newline + (self.indent or "") * depth)

    def line(self, depth: int) -> str:
        return "" if self.indent is None else self.newline + self.indent * depth


def _insert(
    text: str, start: int, end: int, places: list[list[int]], index: int, written: str, style: _Style, depth: int
) -> str:
    if not places:
        inside = style.line(depth) + written + style.line(depth - 1)
        return text[: start + 1] + inside + text[end - 1 :]
    separator = "," + style.line(depth) if style.indent is not None else style.comma
    if index < len(places):
        at = places[index][0]
        return text[:at] + written + separator + text[at:]
    at = places[-1][1]
    return text[:at] + separator + written + text[at:]


def _find(text: str, path: Path) -> tuple[int, int]:
    """Return where the value at `path` starts and ends. Raises KeyError or IndexError where there is none."""
    start = _skip(text, 0)
    end = _DECODER.raw_decode(text, start)[1]
    for step in path:
        if isinstance(step, str):
            # as JSON's readers do, the last one of members with one key
            start, end = {key: (begin, end) for key, _, begin, end in _spans(text, start)}[step]
        else:
            start, end = _items(text, start)[step]
    return start, end


def _members(text: str, start: int) -> list[tuple[str, int, int]]:
    """Return key, start of the key, and end of the value of each member of the object that starts there."""
    return [(key, key_start, end) for key, key_start, _, end in _spans(text, start)]


def _spans(text: str, start: int) -> list[tuple[str, int, int, int]]:
    found: list[tuple[str, int, int, int]] = []
    at = _skip(text, start + 1)
    while text[at] != "}":
        key: Any
        key, after = _DECODER.raw_decode(text, at)
        value = _skip(text, _skip(text, after) + 1)  # over the colon
        end = _DECODER.raw_decode(text, value)[1]
        found.append((key, at, value, end))
        at = _after_comma(text, end)
    return found


def _items(text: str, start: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    at = _skip(text, start + 1)
    while text[at] != "]":
        end = _DECODER.raw_decode(text, at)[1]
        found.append((at, end))
        at = _after_comma(text, end)
    return found


def _after_comma(text: str, at: int) -> int:
    at = _skip(text, at)
    return _skip(text, at + 1) if text[at] == "," else at


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
