"""``list``: the repositories that the user can see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polly_magic.commands.command import Command, Face
from polly_magic.commands.listing import add_extent, extent
from polly_magic.commands.result import Repositories

if TYPE_CHECKING:
    import argparse

__all__ = ["COMMAND"]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_extent(parser, "repositories")
    parser.add_argument("--name", metavar="PATTERN", help="only names that match, such as '16june' or 'rna*'")


def _run(arguments: argparse.Namespace, face: Face) -> Repositories:
    from polly_magic.api import Client

    wanted = extent(arguments)
    with Client() as client:
        rows = wanted.fetch(
            "repositories",
            face,
            lambda limit, progress: client.repositories(
                name=arguments.name, oldest_first=wanted.oldest_first, limit=limit, progress=progress
            ),
        )
    if not rows and arguments.name:
        face.note(f"No repository matches {arguments.name!r}.")
    elif not rows:
        face.note("No repositories yet. Create one: %polly_dockers create --name NAME --description TEXT")
    return Repositories(rows)


COMMAND = Command(
    name="list",
    summary="List the Docker repositories of your organisation, newest first.",
    example="list --all\nlist --latest 5\nlist --name 'rna*' --all",
    add_arguments=_add_arguments,
    run=_run,
)
