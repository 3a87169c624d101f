"""``require``: whether this kernel runs in the image that the notebook needs."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from polly_magic.commands.command import Command, Face
from polly_magic.errors import UsageError, WrongEnvironment
from polly_magic.references import parse, short_digest, validate_tag

if TYPE_CHECKING:
    import argparse

    from polly_magic.pinning.pin import Pin

__all__ = ["COMMAND"]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("reference", metavar="REF", help="full path of an image with its digest, as pin writes it")
    parser.add_argument("--tag", metavar="TAG", help="the tag that had this digest when it was pinned; for the reader")
    parser.add_argument("--pinned", metavar="DATE", help="when it was pinned, such as 2026-11-23; for the reader")
    parser.add_argument("--warn", action="store_true", help="say it, and go on, where this is another image")


def _run(arguments: argparse.Namespace, face: Face) -> None:
    from polly_magic.pinning.environment import this_environment
    from polly_magic.pinning.requirement import ask_related, check

    pin = _read(arguments)
    try:
        check(pin, this_environment(), ask_related)
    except WrongEnvironment as error:
        if not arguments.warn:
            raise
        face.note(f"Warning: {error}")
    else:
        name = pin.image.rpartition("/")[2]
        face.note(f"This kernel runs in {name}@{short_digest(pin.digest)}, as the notebook needs.")


def _read(arguments: argparse.Namespace) -> Pin:
    from polly_magic.pinning.pin import Pin

    image = parse(arguments.reference)
    if image.digest is None or not image.host:
        lacks = "digest" if image.digest is None else "host"
        raise UsageError(
            f"{arguments.reference!r} has no full {lacks}: a notebook needs one image, whoever opens it.",
            f"Get the line for it: %polly_dockers pin {arguments.reference}",
        )
    if arguments.tag is not None:
        validate_tag(arguments.tag)
    if arguments.pinned is not None:
        try:
            date.fromisoformat(arguments.pinned)
        except ValueError as error:
            raise UsageError(f"--pinned takes a day, not {arguments.pinned!r}.", "Write it as 2026-11-23.") from error
    return Pin(image.repository, image.digest, arguments.tag or image.tag, arguments.pinned)


COMMAND = Command(
    name="require",
    summary="See that this kernel runs in the image that the notebook needs; an error where it does not.",
    example=f"require docker.polly.elucidata.io/elucidata/16june@sha256:{'5747316366b8cc9e' * 4} --tag latest --warn",
    add_arguments=_add_arguments,
    run=_run,
)
