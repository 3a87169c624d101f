"""Several notebooks at a time, each minded by a thread; an interruption ends them all."""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeAlias

from polly_magic.reproduce.running import Run, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from polly_magic.reproduce.cells import Cell
    from polly_magic.reproduce.copying import Copy

__all__ = ["run_all"]

_AGAIN = 0.5
_Event: TypeAlias = "tuple[Copy, int] | Future[list[Cell]]"
"""How many cells of a copy are done; or all of one."""


def run_all(
    copies: Sequence[tuple[Copy, Callable[[Path], None]]],
    settings: Settings,
    jobs: int,
    tell: Callable[[Copy, int, int], None],
) -> list[list[Cell]]:
    """Run copies of notebooks, and return the cells of each.

    Parameters
    ----------
    copies : sequence of tuple
        What is run, and what writes the kernelspec to run it in.
    settings : Settings
    jobs : int
        How many are run at a time.
    tell : callable
        Is told how many cells of a notebook are done, of how many; in the thread that called.
    """
    batch = _Batch(settings)
    with ThreadPoolExecutor(jobs) as pool:
        try:
            running = [pool.submit(batch.run, copy, write_kernel) for copy, write_kernel in copies]
            for one in running:
                one.add_done_callback(batch.events.put)
            left, copy, done = len(running), copies[0][0], 0
            while left:
                event = _next(batch.events)
                if isinstance(event, Future):
                    event.result()
                    left -= 1
                    continue
                copy, done = event or (copy, done)
                tell(copy, done, len(copy.sources))
            return [one.result() for one in running]
        finally:
            batch.stop()  # nothing is left to stop where all went well


def _next(events: queue.SimpleQueue[_Event]) -> _Event | None:
    """Wait for an event; None to say again what was said last, which a bar may have been too busy to show."""
    try:
        return events.get(timeout=_AGAIN)
    except queue.Empty:
        return None


class _Batch:
    """The runs of now, and the way to end them."""

    def __init__(self, settings: Settings) -> None:
        self.events: queue.SimpleQueue[_Event] = queue.SimpleQueue()
        self._settings = settings
        self._lock = threading.Lock()
        self._runs: set[Run] = set()
        self._stopped = False

    def run(self, copy: Copy, write_kernel: Callable[[Path], None]) -> list[Cell]:
        cells: list[Cell] = []
        with self._lock:
            if self._stopped:
                return cells
            run = Run(copy, write_kernel, self._settings).__enter__()
            self._runs.add(run)
        try:
            self.events.put((copy, 0))
            for cell in run:
                cells.append(cell)
                self.events.put((copy, len(cells)))
        finally:
            with self._lock:
                self._runs.discard(run)
            run.__exit__()
        return cells

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            for run in self._runs:
                run.stop()
