"""A table of many rows with search, sort and filters in the browser; the choice is a trait.

Of our own, though itables' ITable shows and searches 10,000 rows quickly too: that one keeps the rows in the widget's
state, and so in a notebook's file, selects by position and not by key, takes 0.7 s to import, and has badges, relative
times and digests to copy only where cells are markup, which what a service says must never be.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import anywidget
import traitlets

from polly_magic.panel.assets import STYLE, module

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Column", "Grid"]

Kind = Literal["text", "badge", "time", "digest", "bytes"]


@dataclass(frozen=True)
class Column:
    """How one column is shown.

    Parameters
    ----------
    name, title : str
        In the data, and for the reader.
    kind : {"text", "badge", "time", "digest", "bytes"}
        A time is seconds since 1970, shown relative and exact on hover; a digest is shown short, in full on hover, and
        copied by a click.
    width : str
        As CSS's ``grid-template-columns`` has it.
    tones : mapping, optional
        Of a badge: ``"good"``, ``"warn"``, ``"info"`` or ``"plain"`` for each value.
    filter : bool, optional
        Offer the values that occur to choose one from.
    """

    name: str
    title: str
    kind: Kind = "text"
    width: str = "1fr"
    tones: Mapping[str, str] = field(default_factory=dict[str, str])
    filter: bool = False


class Grid(anywidget.AnyWidget):
    """A table of which one row can be selected, by the reader and by Python.

    Parameters
    ----------
    columns : sequence of Column
    label : str
        What it is a table of, for a screen reader.
    placeholder : str
        What the empty search field says.

    Attributes
    ----------
    selected : str
        Key of the selected row, ``""`` for none.
    filters : dict
        The value that a column must have, by the column's name.
    hint : str
        What stands there while there are no rows.
    """

    _esm = module("grid.js")
    _css = STYLE
    columns = traitlets.List(traitlets.Dict()).tag(sync=True)
    label = traitlets.Unicode().tag(sync=True)
    placeholder = traitlets.Unicode().tag(sync=True)
    selected = traitlets.Unicode().tag(sync=True)
    filters = traitlets.Dict().tag(sync=True)
    search = traitlets.Unicode().tag(sync=True)
    sort = traitlets.List(default_value=["", False]).tag(sync=True)
    hint = traitlets.Unicode().tag(sync=True)

    def __init__(self, columns: Sequence[Column], *, label: str, placeholder: str) -> None:
        super().__init__(columns=[asdict(column) for column in columns], label=label, placeholder=placeholder)
        self._version = 0
        self._rows: dict[str, Any] = {"keys": [], "columns": [[] for _ in columns]}
        self.on_msg(self._answer)

    def show(self, rows: Mapping[str, Sequence[object]]) -> None:
        """Replace the rows: values in the order of the columns, by a key that stays the row's own."""
        self._version += 1
        values = list(rows.values())
        self._rows = {
            "keys": list(rows),
            "columns": [[row[index] for row in values] for index in range(len(self.columns))],
        }
        self._send_rows()

    def _answer(self, _widget: object, content: Mapping[str, object], _buffers: object) -> None:
        if content.get("kind") == "ready":  # a view was made, maybe long after the rows
            self._send_rows()

    def _send_rows(self) -> None:
        self.send({"kind": "rows", "version": self._version, **self._rows})
