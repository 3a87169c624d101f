"""Stored outputs against new ones, as an analyst reads them: a unified diff for each kind of output."""

from __future__ import annotations

import difflib
import json
from itertools import zip_longest
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["difference", "kind_of_line"]

_WIDTH = 200
_MOST_LINES = 2000  # of one output: for more a diff takes for ever, and nobody reads it
_FIRST = ("ename", "evalue", "stdout", "stderr", "text/plain")
_NAMES = {"ename": "name of the error", "evalue": "text of the error"}


def difference(stored: Mapping[str, Sequence[object]], new: Mapping[str, Sequence[object]]) -> str:
    r"""Return a unified diff of outputs.

    Parameters
    ----------
    stored, new : mapping
        Outputs of each kind: ``stdout``, ``text/plain``, ``text/html`` and so on. What is no text is shown as JSON.

    Examples
    --------
    >>> print(difference({"text/plain": ["1.0"]}, {"text/plain": ["1.1"]}))
    --- stored text/plain
    +++ new text/plain
    @@ -1 +1 @@
    -1.0
    +1.1
    """
    kinds = sorted({*stored, *new}, key=lambda kind: (_FIRST.index(kind) if kind in _FIRST else len(_FIRST), kind))
    found: list[str] = []
    for kind in kinds:
        pairs = [*zip_longest(stored.get(kind, ()), new.get(kind, ()))]
        for number, (before, after) in enumerate(pairs, 1):
            name = _NAMES.get(kind, kind) + (f", output {number} of {len(pairs)}" if len(pairs) > 1 else "")
            if before != after:
                found += _unified(_lines(before), _lines(after), name)
    return "\n".join(found)


def kind_of_line(line: str) -> Literal["head", "place", "gone", "come", "both"]:
    """Tell what a line of a difference is, so that it can be coloured.

    Examples
    --------
    >>> kind_of_line("-1.0"), kind_of_line("--- stored text/plain"), kind_of_line(" 1")
    ('gone', 'head', 'both')
    """
    if line.startswith(("--- stored ", "+++ new ")):
        return "head"
    if line.startswith(("@@ ", "... ")):
        return "place"
    return "gone" if line.startswith("-") else "come" if line.startswith("+") else "both"


def _unified(before: list[str], after: list[str], name: str) -> list[str]:
    head = [f"--- stored {name}", f"+++ new {name}"]
    if (before or [""])[-1] == (after or [""])[-1] == "":
        before, after = before[:-1], after[:-1]  # both end with a line break, or are not there
    if max(len(before), len(after)) <= _MOST_LINES:
        return [*head, *_changes(before, after)]
    pairs = zip(before, after, strict=False)
    alike = next((at for at, (one, other) in enumerate(pairs) if one != other), min(len(before), len(after)))
    start = max(0, alike - 3)
    cut = slice(start, start + _MOST_LINES)
    left = max(0, max(len(before), len(after)) - start - _MOST_LINES)
    return [*head, f"... after {start} lines", *_changes(before[cut], after[cut]), f"... and {left} lines more"]


def _changes(before: list[str], after: list[str]) -> list[str]:
    return [*difflib.unified_diff(before, after, lineterm="")][2:]


def _lines(value: object) -> list[str]:
    if value is None:
        return []
    text = value if isinstance(value, str) else json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False)
    # A long line, such as of HTML, is folded: of two that differ only the pieces that do are shown.
    return [line[at : at + _WIDTH] for line in text.split("\n") for at in range(0, max(1, len(line)), _WIDTH)]
