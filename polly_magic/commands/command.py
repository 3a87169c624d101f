"""What a command is: declared once, shown by three faces (magic, terminal, panel)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    import pandas as pd
    from rich.console import RenderableType

    from polly_magic.redaction import Secret

__all__ = ["Command", "Face", "Judgement", "Picture", "Progress", "Result"]


class Progress(Protocol):
    """Bars, one for each name; drawn only once the work has taken over a second."""

    def update(self, name: str, completed: int, total: int | None = None, note: str = "") -> None:
        """Set the bar `name` to `completed` of `total` (bytes or rows), adding it where it is new."""


class Face(Protocol):
    """What a command may ask of whoever called it."""

    acts_at_once: bool
    """A terminal pulls, pushes and runs at once; a notebook writes a cell unless told ``--now``."""

    def ask_secret(self, prompt: str) -> Secret:
        """Ask without echo. Raises NotLoggedIn where nobody can be asked."""
        ...

    def note(self, text: str) -> None:
        """Say one short line beside the result."""
        ...

    def write(self, text: str) -> None:
        """Pass on output of a running container as it comes."""
        ...

    def progress(self, title: str) -> AbstractContextManager[Progress]:
        """Show bars while the block runs."""
        ...

    def put_cell(self, text: str) -> None:
        """Make `text` the next cell."""
        ...

    def show_panel(self) -> None:
        """Show the panel. Raises UsageError where there is no notebook."""
        ...


class Result(Protocol):
    """What a command returns; each face takes the form it shows (`commands.result` has what most commands need)."""

    @property
    def columns(self) -> Sequence[str]:
        """Names of the values in a row, also where there are no rows."""
        ...

    def frame(self) -> pd.DataFrame:
        """Return the rows as a DataFrame."""
        ...

    def records(self) -> list[dict[str, Any]]:
        """Return the rows as plain values, for JSON and CSV."""
        ...

    def renderable(self) -> RenderableType:
        """Return what a terminal prints."""
        ...


@runtime_checkable
class Picture(Result, Protocol):
    """A result that a notebook shows otherwise than as a DataFrame."""

    def notebook(self) -> object:
        """Return what a notebook is given."""
        ...


@runtime_checkable
class Judgement(Result, Protocol):
    """A result that a terminal's exit status tells, too."""

    @property
    def exit_status(self) -> int:
        """0 where all is well."""
        ...


@dataclass(frozen=True)
class Command:
    """One verb of ``%polly_dockers`` and ``polly-dockers``.

    Parameters
    ----------
    name : str
        The verb.
    summary : str
        One line for the list of commands.
    example : str
        Whole lines as typed after ``polly-dockers``; ``--help`` shows them and a test runs them through the parser.
    add_arguments : callable
        Declares the arguments on a parser. Imports nothing heavy.
    run : callable
        Does it. Heavy imports happen in here. Returns a `Result`, an exit status (``run --now``), or nothing.
    """

    name: str
    summary: str
    example: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, Face], Result | int | None]
