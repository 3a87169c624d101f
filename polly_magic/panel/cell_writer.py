"""A cell out of a click: the way from a widget's callback to the notebook that shows it.

IPython's ``set_next_input`` writes cells at the end of an execution, and a click is none. So a small widget asks the
front end, which knows its notebook. It takes two rounds: the front ends that could do it say so, and one of them is
told to. So two browser windows on one kernel do not both write, and an answer that comes too late writes nothing.
"""

from __future__ import annotations

import asyncio
import threading
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
from IPython.core.getipython import get_ipython

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CellWriter", "Outcome", "current_cell"]

NO_CELL = "It is not known which cell made this panel."
NO_ANSWER = "The notebook did not answer."
NO_WORD = "The notebook did not say whether it added the cell: look below the panel before you copy."

_TICK = 0.1
_PATIENCE = 30  # ticks without any answer
_AFTER_REFUSAL = 5  # ticks for another window on the same kernel


@dataclass(frozen=True)
class Outcome:
    """What came of a cell.

    Parameters
    ----------
    written : bool
        It stands in the notebook.
    reason : str
        Why not, in one sentence; empty where it is written.
    """

    written: bool
    reason: str = ""


@dataclass
class _Request:
    text: str
    done: Callable[[Outcome], None]
    client: str = ""
    reason: str = NO_ANSWER
    ticks: int = _PATIENCE
    waiting: asyncio.Task[None] | None = field(default=None, repr=False)


def current_cell() -> str | None:
    """Return the id of the cell that is being executed, where the front end told it."""
    kernel = getattr(get_ipython(), "kernel", None)
    if kernel is None:
        return None
    parent: dict[str, Any] = kernel.get_parent()
    cell = parent.get("metadata", {}).get("cellId")
    return cell if isinstance(cell, str) else None


class CellWriter(anywidget.AnyWidget):
    """Puts code cells below one cell of the notebook; invisible, and to be displayed with what uses it.

    Parameters
    ----------
    anchor : str, optional
        Id of the cell; the one that is being executed unless given.

    Attributes
    ----------
    anchor : str or None
        May be set anew, where another cell shows what uses this.
    """

    _esm = Path(__file__).parent / "cell_writer.js"

    def __init__(self, anchor: str | None = None) -> None:
        super().__init__()
        self.anchor = anchor or current_cell()
        self._requests: dict[str, _Request] = {}
        self.on_msg(self._receive)

    def write(self, text: str, done: Callable[[Outcome], None]) -> None:
        """Put a cell right below the anchor, not executed, and select it.

        Returns at once. Where it cannot be done, nothing is written anywhere.

        Parameters
        ----------
        text : str
            The cell's source.
        done : callable
            Is called once, with the `Outcome`.
        """
        if not self.anchor:
            done(Outcome(written=False, reason=NO_CELL))
            return
        name = uuid.uuid4().hex
        request = self._requests[name] = _Request(text, done)
        self.send({"kind": "offer", "request": name, "anchor": self.anchor})
        try:
            request.waiting = asyncio.get_running_loop().create_task(self._expire(name))
        except RuntimeError:  # called from a thread
            threading.Thread(target=lambda: asyncio.run(self._expire(name)), daemon=True).start()

    def _receive(self, _: object, content: dict[str, Any], __: object) -> None:
        name = content.get("request", "")
        request = self._requests.get(name)
        if request is None:
            return
        client, kind = content.get("client", ""), content.get("kind")
        if request.client not in ("", client):
            return
        if kind == "offer" and not request.client:
            request.client, request.reason, request.ticks = client, NO_WORD, _PATIENCE
            self.send(
                {
                    "kind": "write",
                    "request": name,
                    "client": client,
                    "anchor": self.anchor,
                    "text": request.text,
                    "model": self.model_id,
                }
            )
        elif kind == "write":
            self._finish(name, Outcome(written=True))
        elif kind == "refuse" and request.client:
            self._finish(name, Outcome(written=False, reason=str(content.get("reason", ""))))
        elif kind == "refuse":
            request.reason, request.ticks = str(content.get("reason", "")), min(request.ticks, _AFTER_REFUSAL)

    async def _expire(self, name: str) -> None:
        # Ticks and not seconds: a kernel that runs a cell meanwhile can hear no answer, and wakes up here once only.
        while request := self._requests.get(name):
            if request.ticks == 0:
                self._finish(name, Outcome(written=False, reason=request.reason))
            request.ticks -= 1
            await asyncio.sleep(_TICK)

    def _finish(self, name: str, outcome: Outcome) -> None:
        if request := self._requests.pop(name, None):
            request.done(outcome)
