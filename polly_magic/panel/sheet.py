"""Facts one below the other, and texts to copy: shown as text, whatever is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from polly_magic.panel.assets import STYLE, module

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Sheet", "code", "fact", "heading", "pairs", "parts", "words"]

Item = dict[str, Any]


class Sheet(anywidget.AnyWidget):
    """Shows `items`, which the functions of this module make."""

    _esm = module("sheet.js")
    _css = STYLE
    items = traitlets.List(traitlets.Dict()).tag(sync=True)


def heading(text: str) -> Item:
    """Title what follows."""
    return {"kind": "heading", "text": text}


def fact(label: str, value: str, *, mono: bool = False, copy: str = "") -> Item:
    """Show one value; `copy` is what the button that copies it says."""
    return {"kind": "fact", "label": label, "value": value, "mono": mono, "copy": copy}


def words(label: str, values: Sequence[str]) -> Item:
    """Show several short values."""
    return {"kind": "words", "label": label, "values": [*values]}


def pairs(label: str, values: Mapping[str, str]) -> Item:
    """Show names with their values."""
    return {"kind": "pairs", "label": label, "values": [[name, value] for name, value in values.items()]}


def parts(label: str, sizes: Sequence[int], digests: Sequence[str]) -> Item:
    """Show sizes as parts of a bar."""
    return {"kind": "parts", "label": label, "sizes": [*sizes], "digests": [*digests]}


def code(text: str, reason: str) -> Item:
    """Show a cell's text with a button to copy it, and why it is shown."""
    return {"kind": "code", "text": text, "reason": reason}
