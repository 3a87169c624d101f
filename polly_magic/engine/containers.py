"""One container from its start to its removal, whatever happens in between."""

from __future__ import annotations

import codecs
import time
import uuid
from typing import TYPE_CHECKING

from docker.errors import APIError
from docker.errors import NotFound as NoSuchContainer
from docker.types import Mount
from docker.utils.socket import STDERR, STDOUT, frames_iter

from polly_magic.engine.stream import attach, exit_of, start
from polly_magic.references import IMAGE_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from docker.api.client import APIClient

    from polly_magic.references import Reference

__all__ = ["LABEL", "run_container"]

LABEL = "io.polly-magic.run"
_GRACE = 2
"""Seconds a program has to end by itself once it is interrupted."""


def run_container(
    api: APIClient,
    reference: Reference,
    image: str,
    command: Sequence[str],
    *,
    write: Callable[[str], None],
    mounts: Mapping[str, str],
    workdir: str | None,
) -> int:
    """Create, start, follow and remove a container; return its exit code.

    The name is ours from the beginning, so that the container is removed even when the interruption comes before
    the engine has told its ID.
    """
    name = f"polly-{uuid.uuid4().hex[:12]}"
    created = False
    try:
        # A Mount, not a bind: that is one text, in which a path with a colon could not be told from what follows.
        directories = [Mount(target, source, type="bind") for source, target in mounts.items()]
        host = api.create_host_config(mounts=directories, auto_remove=True)
        api.create_container(
            image,
            [*command] or None,
            name=name,
            host_config=host,
            labels={LABEL: str(reference)},
            working_dir=workdir,
            environment={IMAGE_VARIABLE: image} if reference.digest else None,
        )
        created = True
        with exit_of(api, name, "next-exit") as waiting, attach(api, name) as stream:
            start(api, name, command, str(reference))
            _copy(frames_iter(stream, tty=False), write)
            return int(waiting.json()["StatusCode"])
    except KeyboardInterrupt:
        _stop(api, name)
        raise
    finally:
        _remove(api, name, wait=0 if created else 1.0)


def _copy(output: Iterable[tuple[int, bytes]], write: Callable[[str], None]) -> None:
    """Pass on both streams as they come; a character may be cut in two by the engine, in either of them."""
    make = codecs.getincrementaldecoder("utf-8")
    decoders = {STDOUT: make("replace"), STDERR: make("replace")}
    for stream, piece in output:
        if text := decoders[stream].decode(piece):
            write(text)
    for decoder in decoders.values():
        if text := decoder.decode(b"", final=True):
            write(text)


def _stop(api: APIClient, name: str) -> None:
    try:
        api.stop(name, timeout=_GRACE)
    except APIError:
        pass  # never started, or gone already; it is removed in any case
    except KeyboardInterrupt:
        pass  # asked twice: kill it now


def _remove(api: APIClient, name: str, wait: float) -> None:
    """See that the container is gone. One whose creation was interrupted may turn up only now: `wait` for it."""
    deadline = time.monotonic() + wait
    while True:
        try:
            api.remove_container(name, force=True)
        except NoSuchContainer:
            if time.monotonic() >= deadline:
                return
        except APIError:
            # 409: the engine is removing it already
            if time.monotonic() >= deadline + 5:
                return
        time.sleep(0.05)
