"""``create``: a new repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polly_magic.commands.command import Command, Face
from polly_magic.commands.names import new_repository
from polly_magic.commands.result import Created

if TYPE_CHECKING:
    import argparse

    from polly_magic.api import Client
    from polly_magic.models import Access, Repository

__all__ = ["COMMAND", "create"]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", required=True, metavar="NEW_NAME", help="its name, such as 16june or rna/aligner")
    parser.add_argument("--description", required=True, metavar="TEXT", help="what it is for")
    parser.add_argument(
        "--public", action="store_true", help="let everyone pull it; private to your organisation unless said"
    )


def _run(arguments: argparse.Namespace, face: Face) -> Created:
    from polly_magic.api import Client

    with Client() as client:
        access = "public" if arguments.public else "private"
        return Created(create(arguments.name, arguments.description, access, client, face))


def create(name: str, description: str, access: Access, client: Client, face: Face) -> Repository:
    """Create a repository in the user's organisation, by the name as it was typed."""
    where = new_repository(name, client, note=face.note)
    return client.create(where.path, description=description, access=access)


COMMAND = Command(
    name="create",
    summary="Create a Docker repository in your organisation.",
    example="create --name 16june --description 'RNA-seq pipeline of June'",
    add_arguments=_add_arguments,
    run=_run,
)
