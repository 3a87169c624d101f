"""``panel``: repositories and commits to choose from, in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polly_magic.commands.command import Command, Face

if TYPE_CHECKING:
    import argparse

__all__ = ["COMMAND"]


def _add_arguments(_parser: argparse.ArgumentParser) -> None: ...


def _run(_arguments: argparse.Namespace, face: Face) -> None:
    face.show_panel()


COMMAND = Command(
    name="panel",
    summary="In a notebook: choose a repository and a commit, and get the cell.",
    example="panel",
    add_arguments=_add_arguments,
    run=_run,
)
