"""Which image this process runs in: what it was told, or what the Docker engine says of its container."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from polly_magic.errors import InvalidReference, PollyError
from polly_magic.references import IMAGE_VARIABLE, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Environment", "container_id", "is_container", "this_environment"]

# An engine mounts three files of its own into each container, from a directory that has the container's ID.
_OWN_FILES = frozenset({"/etc/hostname", "/etc/hosts", "/etc/resolv.conf"})
_ID = re.compile(r"/(?:overlay-)?containers/([0-9a-f]{64})/")
_GROUP = re.compile(r"(?:docker|libpod|crio|containerd)[-/](?:[\w-]+/)*([0-9a-f]{64})(?:\.scope)?(?:/|$)")
_SHORT_ID = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True)
class Environment:
    """What is known of where this process runs.

    Parameters
    ----------
    said : str
        The image as it was told, ``no container``, or why nothing can be told.
    digests : frozenset of str
        Digests of the image, as registries know it; none where it runs in no image, or in one that has none.
    known : bool
        False where it cannot be told.
    """

    said: str
    digests: frozenset[str] = frozenset()
    known: bool = True


def this_environment(root: Path = Path("/"), variables: Mapping[str, str] = os.environ) -> Environment:
    """Find out which image this process runs in.

    Parameters
    ----------
    root : pathlib.Path, optional
        Where ``/proc`` and ``/etc`` are.
    variables : mapping, optional
        The environment; ``POLLY_IMAGE`` in it is what a container of ours was handed.
    """
    told = variables.get(IMAGE_VARIABLE, "").strip()
    try:
        image = parse(told) if told else None
    except InvalidReference:
        image = None
    if image and image.digest:
        return Environment(f"{image.repository}@{image.digest}", frozenset({image.digest}))
    asked = _ask_engine(root)
    if told and not asked.known:
        return Environment(f"{asked.said}; and {IMAGE_VARIABLE} is {told!r}, which names no digest", known=False)
    return asked


def container_id(root: Path = Path("/")) -> str | None:
    """Return the ID of the container that this process is in, in full or its first twelve digits; None for no trace.

    Parameters
    ----------
    root : pathlib.Path, optional
        Where ``/proc`` and ``/etc`` are.
    """
    for line in _lines(root / "proc/self/mountinfo"):
        # mountinfo, proc(5): the fourth word is the directory that is mounted, the fifth where. Only there: on the
        # engine's own machine the mounts of all its containers are listed, with their IDs in other words.
        words = line.split(" ")
        if len(words) > 4 and words[4] in _OWN_FILES and (match := _ID.search(words[3])):
            return match[1]
    for line in _lines(root / "proc/self/cgroup"):
        if match := _GROUP.search(line.rstrip()):
            return match[1]
    if is_container(root):
        name = next(iter(_lines(root / "etc/hostname")), "").strip()
        return name if _SHORT_ID.fullmatch(name) else None
    return None


def is_container(root: Path = Path("/")) -> bool:
    """Whether an engine left its mark in the file system."""
    return (root / ".dockerenv").exists() or (root / "run/.containerenv").exists()


def _ask_engine(root: Path) -> Environment:
    container = container_id(root)
    if container is None:
        if is_container(root):
            return Environment("it runs in a container whose ID is not to be found", known=False)
        return Environment("no container")
    from polly_magic.engine import Engine

    try:
        with Engine() as engine:
            held = engine.image_of(container)
    except PollyError as error:
        reason = error.problem.rstrip(".")
        return Environment(f"it runs in the container {container[:12]}, and nobody can be asked: {reason}", known=False)
    if held is None:
        return Environment(f"it runs in the container {container[:12]}, which this engine does not know", known=False)
    name, digests = held
    return Environment(name, digests)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return []
