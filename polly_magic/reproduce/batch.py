"""Several notebooks at a time, each minded by a thread; an interruption ends them all."""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from polly_magic.reproduce.running import Run, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from polly_magic.reproduce.cells import Cell
    from polly_magic.reproduce.copying import Copy

__all__ = ["run_all"]


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
            left = len(running)
            while left:
                event = batch.events.get()
                if isinstance(event, Future):
                    event.result()
                    left -= 1
                else:
                    copy, done = event
                    tell(copy, done, len(copy.sources))
            return [one.result() for one in running]
        finally:
            batch.stop()  # nothing is left to stop where all went well


class _Batch:
    """The runs of now, and the way to end them."""

    def __init__(self, settings: Settings) -> None:
        self.events: queue.SimpleQueue[tuple[Copy, int] | Future[list[Cell]]] = queue.SimpleQueue()
        """How many cells of a copy are done; or all of one."""
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
