"""``pull``: one commit onto this machine, by digest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polly_magic.commands.command import Command, Face
from polly_magic.commands.names import resolve_commit
from polly_magic.commands.result import Commits, Rows

if TYPE_CHECKING:
    import argparse

    from polly_magic.api import Client
    from polly_magic.engine import Engine, Pulled
    from polly_magic.models import Commit
    from polly_magic.references import Reference

__all__ = ["COMMAND", "pull_now", "see_to_image"]

_LIFETIME = 3600
"""Seconds that the engine may take over all layers."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("reference", metavar="REF", help="such as 16june, 16june:latest or 16june@5747316")
    parser.add_argument("--now", action="store_true", help="pull at once, where a notebook gets a cell")


def _run(arguments: argparse.Namespace, face: Face) -> Commits | Rows:
    from polly_magic.api import Client

    with Client() as client:
        commit = resolve_commit(arguments.reference, client, note=face.note)
        if not (arguments.now or face.acts_at_once):
            from polly_magic.cells import pull_cell

            face.put_cell(pull_cell(commit))
            return Commits(commit.repository, [commit])
        pulled = pull_now(commit, client, face)
    return Rows(
        ("repository", "tag", "commit_hash", "image_id", "size"),
        [[commit.repository, commit.tag, pulled.digest, pulled.image_id, pulled.size]],
        title=f"Pulled {commit.repository}@{commit.commit_hash}",
    )


def pull_now(commit: Commit, client: Client, face: Face) -> Pulled:
    """Pull a commit onto this machine, with a short-lived password, and show its layers as bars."""
    from polly_magic.engine import Engine
    from polly_magic.references import parse

    image = parse(commit.repository).with_digest(commit.commit_hash)
    with Engine() as engine, face.progress(f"Pulled {image}") as bars:
        return engine.pull(image, client.registry_token("pull", _LIFETIME), bars.update)


def see_to_image(image: Reference, engine: Engine, face: Face) -> None:
    """Pull an image that the engine does not hold yet, and show its layers as bars."""
    from polly_magic.api import Client

    if engine.find(image):
        return
    with Client() as client, face.progress(f"Pulled {image}") as bars:
        # From another registry than ours with what Docker's own configuration has for it.
        token = client.registry_token("pull", _LIFETIME) if image.host == client.registry else None
        engine.pull(image, token, bars.update)


COMMAND = Command(
    name="pull",
    summary="Pull one commit, by digest: a tag is resolved to the digest it has now.",
    example="pull 16june:latest\npull elucidata/16june@5747316 --now",
    add_arguments=_add_arguments,
    run=_run,
)
