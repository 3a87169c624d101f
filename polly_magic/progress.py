"""Progress bars of both faces: drawn by rich, only once the work takes over a second, and leaving no mess behind."""

from __future__ import annotations

import io
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from rich.progress import Progress

__all__ = ["Bars", "notebook_bars", "terminal_bars"]

_PATIENCE = 1.0
_REFRESH = 0.2


class _Surface(Protocol):
    """Where bars are drawn."""

    def draw(self, bars: Progress) -> None: ...

    def close(self, title: str, seconds: float) -> None: ...


class Bars:
    """Bars, one for each name.

    Parameters
    ----------
    title : str
        What is being done.
    surface : callable, optional
        Opens the surface to draw on, once the work has taken a second. Left out, nothing is drawn.
    """

    def __init__(self, title: str, surface: Callable[[], _Surface] | None) -> None:
        self._title = title
        self._open = surface
        self._surface: _Surface | None = None
        self._bars: Progress | None = None
        self._tasks: dict[str, tuple[int, int | None, str]] = {}
        self._started = self._drawn = time.monotonic()

    def update(self, name: str, completed: int, total: int | None = None, note: str = "") -> None:
        """Set the bar `name` to `completed` of `total`, adding it where it is new."""
        self._tasks[name] = (completed, total, note)
        now = time.monotonic()
        if self._open is None:
            return
        if now - self._started >= _PATIENCE and (self._surface is None or now - self._drawn >= _REFRESH):
            self._drawn = now
            if self._surface is None:
                self._surface = self._open()
            self._surface.draw(self._render())

    def close(self) -> None:
        """Take the bars away."""
        if self._surface is not None:
            self._surface.close(self._title, time.monotonic() - self._started)

    def _render(self) -> Progress:
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

        if self._bars is None:
            self._bars = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TaskProgressColumn(),
                TextColumn("{task.fields[note]}", markup=False),
                auto_refresh=False,
            )
        known = [*self._bars.task_ids]
        for number, (name, (completed, total, note)) in enumerate(self._tasks.items()):
            if number == len(known):
                self._bars.add_task(name, completed=completed, total=total, note=note)
            else:
                self._bars.update(known[number], completed=completed, total=total, note=note)
        return self._bars


class _Terminal:
    """Redraws in place on standard error, and wipes itself off at the end."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._live = Live(console=Console(stderr=True), transient=True, auto_refresh=False)
        self._live.start()

    def draw(self, bars: Progress) -> None:
        self._live.update(bars.get_renderable(), refresh=True)

    def close(self, title: str, seconds: float) -> None:  # noqa: ARG002 - nothing is left of it
        self._live.stop()


class _Notebook:
    """One output of the cell, updated in place; what stays in the saved notebook is one line of plain text."""

    def __init__(self) -> None:
        from IPython.display import DisplayHandle

        self._handle = DisplayHandle()
        self._shown = False

    def draw(self, bars: Progress) -> None:
        from rich.console import Console

        drawn = io.StringIO()
        Console(file=drawn, width=100, force_jupyter=False, force_terminal=False).print(bars.get_renderable())
        self._show(drawn.getvalue().rstrip())

    def close(self, title: str, seconds: float) -> None:
        self._show(f"{title}: {seconds:.0f} s")

    def _show(self, text: str) -> None:
        content = {"text/plain": text}
        if self._shown:
            self._handle.update(content, raw=True)
        else:
            self._handle.display(content, raw=True)
        self._shown = True


@contextmanager
def terminal_bars(title: str) -> Generator[Bars]:
    """Show bars on standard error while the block runs; nothing where that is no terminal."""
    bars = Bars(title, _Terminal if sys.stderr.isatty() else None)
    try:
        yield bars
    finally:
        bars.close()


@contextmanager
def notebook_bars(title: str) -> Generator[Bars]:
    """Show bars in the cell's output while the block runs."""
    bars = Bars(title, _Notebook)
    try:
        yield bars
    finally:
        bars.close()
