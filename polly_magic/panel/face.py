"""The face that commands see when a button calls them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from polly_magic.errors import NotLoggedIn

if TYPE_CHECKING:
    from collections.abc import Generator

    from polly_magic.commands import Progress
    from polly_magic.redaction import Secret

__all__ = ["PanelFace"]


class PanelFace:
    """Gives a command the secret that was typed, and keeps what it says. Lives in the working thread.

    Parameters
    ----------
    secret : Secret, optional
        For a command that asks for one.
    progress : Progress, optional
        Is told of bars.
    """

    acts_at_once = True

    def __init__(self, secret: Secret | None = None, progress: Progress | None = None) -> None:
        self._secret = secret
        self._progress = progress or _NoProgress()
        self.notes: list[str] = []

    def ask_secret(self, prompt: str) -> Secret:  # noqa: ARG002 - the form asked already
        """Give what the form was given."""
        if not self._secret:
            raise NotLoggedIn("No key was given.", "Paste your API key into the field, then Log in.")
        return self._secret

    def note(self, text: str) -> None:
        """Keep a line, to be shown when the command is done."""
        self.notes.append(text)

    def write(self, text: str) -> None:
        """Take output of a container: no button makes any."""

    @contextmanager
    def progress(self, title: str) -> Generator[Progress]:  # noqa: ARG002 - the view has its own words
        """Pass bars on to the view."""
        yield self._progress

    def put_cell(self, text: str) -> None:
        """Take a cell: views write theirs by the cell writer, which says whether it worked."""

    def show_panel(self) -> None:
        """Do nothing: it is there."""


class _NoProgress:
    def update(self, name: str, completed: int, total: int | None = None, note: str = "") -> None: ...
