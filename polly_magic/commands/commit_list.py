"""``commit-list``: what was pushed to a repository, by whom and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polly_magic.commands.command import Command, Face
from polly_magic.commands.listing import add_extent, extent
from polly_magic.commands.names import repository
from polly_magic.commands.result import Commits
from polly_magic.references import validate_tag

if TYPE_CHECKING:
    import argparse

__all__ = ["COMMAND"]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", required=True, metavar="NAME", help="the repository, such as 16june")
    parser.add_argument("--tag", metavar="TAG", help="only commits of this tag")
    parser.add_argument("--status", choices=("active", "inactive"), help="only commits of this status")
    add_extent(parser, "commits")


def _run(arguments: argparse.Namespace, face: Face) -> Commits:
    from polly_magic.api import Client

    wanted = extent(arguments)
    if arguments.tag is not None:
        validate_tag(arguments.tag)
    with Client() as client:
        where = repository(arguments.name, client, note=face.note)
        rows = wanted.fetch(
            "commits",
            face,
            lambda limit, progress: client.commits(
                where.path,
                tag=arguments.tag,
                status=arguments.status,
                oldest_first=wanted.oldest_first,
                limit=limit,
                progress=progress,
            ),
        )
    if not rows and not (arguments.tag or arguments.status):
        face.note(f"Nothing was pushed to {where.path} yet. Push to it: %polly_dockers push IMAGE {where.path}:latest")
    elif not rows:
        face.note(f"No commit of {where.path} is like that; --all without --tag and --status shows every one.")
    return Commits(where.repository, rows)


COMMAND = Command(
    name="commit-list",
    summary="List the commits of a Docker repository, newest first: every push of a tag is one.",
    example="commit-list --name 16june --all\ncommit-list --name 16june --tag latest --status inactive",
    add_arguments=_add_arguments,
    run=_run,
)
