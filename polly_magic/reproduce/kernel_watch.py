"""Reads a kernel's messages in the place of nbval, which would wait out its whole time for a kernel that is dead."""

from __future__ import annotations

import time
from queue import Empty
from typing import Any

from polly_magic.reproduce.outputs import OUTPUT_MESSAGES

__all__ = ["KernelDied", "KernelWatch"]

_LOOK = 1.0
_DRAIN = 5.0


class KernelDied(Exception):  # noqa: N818 - a fact, which the reader gets in other words
    """The kernel is no more."""


class KernelWatch:
    """Stands between nbval and its kernel.

    Parameters
    ----------
    kernel : nbval.kernel.RunningKernel
        Its ``get_message`` and ``execute_cell_input`` are ours from here on.
    """

    def __init__(self, kernel: Any) -> None:
        self.messages: list[dict[str, Any]] = []
        """What the cell put out so far, for `outputs.from_messages`."""
        self.failure: dict[str, str] | None = None
        """``ename`` and ``evalue`` of the error that the kernel answered with, also where it only printed it."""
        self.overdue: float | None = None
        """When the cell's time was over; None while it is not."""
        self._is_alive, self._read, self._execute = kernel.is_alive, kernel.get_message, kernel.execute_cell_input
        self._asked = ""
        kernel.get_message, kernel.execute_cell_input = self.get_message, self.execute

    def execute(self, source: str, allow_stdin: bool | None = None) -> str:
        """Send a cell to the kernel."""
        self.messages, self.failure, self.overdue = [], None, None
        self._asked = self._execute(source, allow_stdin=allow_stdin)
        return self._asked

    def get_message(self, stream: str, timeout: float | None = None) -> dict[str, Any]:
        """Return the next message.

        Raises
        ------
        queue.Empty
            None came in time.
        KernelDied
            None will come.
        """
        end = float("inf") if timeout is None else time.monotonic() + timeout
        if stream == "iopub" and self.overdue is not None and time.monotonic() > self.overdue + _DRAIN:
            raise Empty  # a cell that takes no interruption may print for ever
        while True:
            left = end - time.monotonic()
            try:
                message: dict[str, Any] = self._read(stream, timeout=max(0.0, min(left, _LOOK)))
            except Empty:
                if not self._is_alive():
                    raise KernelDied from None
                if left > _LOOK:
                    continue
                if stream == "shell":
                    self.overdue = time.monotonic()
                raise
            if message["parent_header"].get("msg_id") == self._asked:
                self._keep(message)
            return message

    def _keep(self, message: dict[str, Any]) -> None:
        kind, content = message["header"]["msg_type"], message["content"]
        if kind in OUTPUT_MESSAGES:
            self.messages.append(message)
        elif kind == "execute_reply" and content["status"] == "error":
            self.failure = {name: str(content.get(name, "")) for name in ("ename", "evalue")}
