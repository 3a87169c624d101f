"""``push``: an image of this machine becomes a commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polly_magic.commands.command import Command, Face
from polly_magic.commands.names import reference
from polly_magic.commands.result import Commits
from polly_magic.errors import NotFound, ServiceFailure, UsageError

if TYPE_CHECKING:
    import argparse

    from polly_magic.api import Client
    from polly_magic.models import Commit
    from polly_magic.references import Reference

__all__ = ["COMMAND"]

_LIFETIME = 6 * 3600
"""Seconds that the engine may take over all layers; a slow line and a large image need hours."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", metavar="LOCAL_IMAGE", help="image of this machine, as docker images lists it")
    parser.add_argument("target", metavar="REPOSITORY[:TAG]", help="where to; the tag is latest unless said")


def _run(arguments: argparse.Namespace, face: Face) -> Commits:
    from polly_magic.api import Client

    with Client() as client:
        target = _target(arguments.target, client, face)
        before = _active(target, client)
        from polly_magic.engine import Engine

        with Engine() as engine, face.progress(f"Pushed {target}") as bars:
            digest = engine.push(arguments.image, target, client.registry_token("pull,push", _LIFETIME), bars.update)
        commit = _commit(target, digest, client)
        if before and before.commit_hash == digest:
            face.note(f"{target} had this digest already: no new commit.")
        return Commits(commit.repository, [commit])


def _target(text: str, client: Client, face: Face) -> Reference:
    """Read where to push, and see that it exists before anything is uploaded."""
    target = reference(text, client, note=face.note)
    if target.digest or target.short_digest:
        raise UsageError(
            f"{text!r} names a digest, which is what a push gives and not what it takes.", "Name a tag: 16june:latest"
        )
    try:
        client.repository(target.path)
    except NotFound as error:
        raise NotFound(
            f"There is no repository {target.path!r}, or not for you.",
            f"Create it: %polly_dockers create --name {target.path} --description DESCRIPTION",
        ) from error
    return target.with_tag(target.tag or "latest")


def _active(target: Reference, client: Client) -> Commit | None:
    return next(iter(client.commits(target.path, tag=target.tag, status="active", limit=1)), None)


def _commit(target: Reference, digest: str, client: Client) -> Commit:
    # Not simply the active one: somebody else may have pushed the same tag just after.
    for commit in client.commits(target.path, tag=target.tag, commit_hash=digest, limit=1):
        return commit
    raise ServiceFailure(
        f"The engine pushed {target} as {digest}, but the service lists no such commit.",
        f"See %polly_dockers commit-list --name {target.path} --tag {target.tag}",
    )


COMMAND = Command(
    name="push",
    summary="Push an image of this machine: its tag then points at a new commit.",
    example="push 16june:test elucidata/16june:latest",
    add_arguments=_add_arguments,
    run=_run,
)
