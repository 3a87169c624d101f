"""``update``: who may pull a repository, and its description."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polly_magic.commands.command import Command, Face
from polly_magic.commands.names import repository
from polly_magic.commands.result import Repositories
from polly_magic.errors import UsageError

if TYPE_CHECKING:
    import argparse

__all__ = ["COMMAND"]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", required=True, metavar="NAME", help="the repository, such as 16june")
    access = parser.add_mutually_exclusive_group()
    access.add_argument(
        "--public", action="store_const", dest="access", const="public", help="let everyone pull it, also anonymously"
    )
    access.add_argument(
        "--private", action="store_const", dest="access", const="private", help="keep it to your organisation"
    )
    parser.add_argument("--description", metavar="TEXT", help="what it is for")


def _run(arguments: argparse.Namespace, face: Face) -> Repositories:
    if arguments.access is None and arguments.description is None:
        raise UsageError(
            f"Nothing to change about {arguments.name!r}.", "Give at least one of --public, --private, --description."
        )
    from polly_magic.api import Client

    with Client() as client:
        where = repository(arguments.name, client, note=face.note)
        model = client.update(where.path, description=arguments.description, access=arguments.access)
    return Repositories([model], title="Success: docker repository update")


COMMAND = Command(
    name="update",
    summary="Make a Docker repository public or private, or describe it anew.",
    example="update --name 16june --public\nupdate --name 16june --private --description 'RNA-seq, revised'",
    add_arguments=_add_arguments,
    run=_run,
)
