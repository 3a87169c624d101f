"""``run``: a command in a new container of one commit, in the directory where one is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from polly_magic.commands.command import Command, Face
from polly_magic.commands.names import resolve_commit
from polly_magic.commands.pull import see_to_image
from polly_magic.commands.result import Commits
from polly_magic.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from polly_magic.models import Commit

__all__ = ["COMMAND"]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("reference", metavar="REF", help="such as 16june, 16june:latest or 16june@5747316")
    parser.add_argument("--now", action="store_true", help="run at once, where a notebook gets a cell")
    parser.usage = "%(prog)s REF [--now] [--help] [--debug] [-- COMMAND ...]"
    parser.description = (
        f"{parser.description or ''}\n\nCOMMAND is taken as it stands; without one the image's own is run.\n"
        "The current directory is /work in the container, which is removed at the end."
    ).lstrip()
    parser.verbatim = "words"  # pyright: ignore[reportAttributeAccessIssue] - every parser here is a Parser


def _run(arguments: argparse.Namespace, face: Face) -> Commits | int:
    from polly_magic.api import Client

    with Client() as client:
        commit = resolve_commit(arguments.reference, client, note=face.note)
        if arguments.now or face.acts_at_once:
            return _run_now(commit, arguments.words, face)
        from polly_magic.cells import run_cell

        face.put_cell(run_cell(commit, arguments.words))
        return Commits(commit.repository, [commit])


def _run_now(commit: Commit, words: list[str], face: Face) -> int:
    from polly_magic.engine import Engine
    from polly_magic.references import parse

    try:
        here = str(Path.cwd())
    except FileNotFoundError as error:
        raise UsageError("The current directory does not exist any more.", "Change to another one: cd DIR") from error
    image = parse(commit.repository).with_digest(commit.commit_hash)
    with Engine() as engine:
        see_to_image(image, engine, face)
        try:
            return engine.run(image, words, write=face.write, mounts={here: "/work"}, workdir="/work")
        except KeyboardInterrupt:
            face.note("Interrupted: the container is stopped and removed.")
            raise


COMMAND = Command(
    name="run",
    summary="Run a command in one commit, by digest, in the current directory; gives its exit code.",
    example="run 16june:latest -- python fit.py --seed 1\nrun elucidata/16june@5747316 --now",
    add_arguments=_add_arguments,
    run=_run,
)
