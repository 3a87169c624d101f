"""A container that lives as long as its owner holds on to it."""

from __future__ import annotations

import codecs
import io
import signal
import tarfile
import threading
import time
from collections import deque
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests
import urllib3
from docker.errors import APIError
from docker.errors import NotFound as NoSuchContainer
from docker.types import DeviceRequest, Mount
from docker.utils.socket import frames_iter

from polly_magic.engine.failures import asked
from polly_magic.engine.stream import attach, exit_of, start

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from docker.api.client import APIClient

__all__ = ["AttachedContainer", "ContainerSettings", "File", "MountPoint"]

_LOOPBACK = "127.0.0.1"
_PATIENCE = 10.0
"""Seconds that the engine may take to remove a container."""
_KEPT = 100
"""Pieces of output that are remembered, for whoever asks why the container ended."""
_BROKEN = (APIError, requests.RequestException, urllib3.exceptions.HTTPError, OSError)


@dataclass(frozen=True)
class MountPoint:
    """A directory or file of this machine, and where it stands in the container."""

    source: str
    target: str
    read_only: bool = False


@dataclass(frozen=True)
class File:
    """A file that is put into the container before it starts, at an absolute path.

    Its directory is made, and belongs to the container's user: nobody else can look into it.
    """

    path: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class ContainerSettings:
    """How a container is made.

    Parameters
    ----------
    command : sequence of str
        Program and arguments.
    user : tuple of int
        Numbers of user and group.
    entry_point : bool
        Whether the image's own entry point is kept before the command.
    environment : mapping of str to str
    labels : mapping of str to str
    mounts : sequence of MountPoint
    ports : sequence of int
        Published on the loopback of the engine's machine under the same numbers.
    workdir : str, optional
    memory : str, optional
        Such as ``4g``.
    cpus : float, optional
    gpus : str, optional
        ``all``, how many, or their names with commas.
    """

    command: Sequence[str]
    user: tuple[int, int]
    entry_point: bool = True
    environment: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    mounts: Sequence[MountPoint] = ()
    ports: Sequence[int] = ()
    workdir: str | None = None
    memory: str | None = None
    cpus: float | None = None
    gpus: str | None = None


class AttachedContainer:
    """A running container whose standard input is held open: it can tell by its end that nobody holds it any more.

    The engine removes it as soon as it has ended, and with it its published ports.

    Parameters
    ----------
    api : docker.api.client.APIClient
        Closed at the end.
    image : str
        As the engine knows it.
    name : str
        Of the container, unique on the engine: where it cannot be started, none of that name is left.
    settings : ContainerSettings
    files : sequence of File
    """

    def __init__(
        self,
        api: APIClient,
        image: str,
        name: str,
        settings: ContainerSettings,
        files: Sequence[File],
    ) -> None:
        self.name = name
        self.exit_code: int | None = None
        """None while it is there; -1 where the engine could not be asked any more."""
        self._api = api
        self._said: deque[str] = deque(maxlen=_KEPT)
        self._held = ExitStack()
        self._held.callback(api.close)
        try:
            self._create(image, settings)
            if files:
                api.put_archive(name, "/", _archive(files, settings.user))
            waiting = self._held.enter_context(exit_of(api, name, "removed"))
            stream = self._held.enter_context(attach(api, name, stdin=True))
            start(api, name, settings.command, image)
        except BaseException:
            self._remove()
            self._held.close()
            raise
        self._output = threading.Thread(target=self._follow, args=[stream], daemon=True)
        self._end = threading.Thread(target=self._await_exit, args=[waiting], daemon=True)
        self._output.start()
        self._end.start()

    @property
    def said(self) -> str:
        """The last that it printed."""
        return "".join(self._said)

    def signal(self, number: int) -> None:
        """Send a signal to the container's first process; nothing happens where it is gone.

        Raises
        ------
        EngineFailure
            The engine refuses.
        """
        if self.exit_code is not None:
            return
        with asked(), suppress(NoSuchContainer):
            try:
                self._api.kill(self.name, signal.Signals(number).name)
            except APIError as error:
                # 409: it is not running any more
                if error.status_code != 409:
                    raise

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait until it is gone, at most `timeout` seconds, and return its exit code; None if it is still there."""
        self._end.join(timeout)
        if self.exit_code is not None:
            self._output.join(_PATIENCE)  # what it said last is on its way
        return self.exit_code

    def close(self) -> None:
        """See that it is gone, whatever it is doing, and let go of the engine."""
        if self.exit_code is None:
            self._remove()
            self.wait(_PATIENCE)
        self._held.close()

    def _create(self, image: str, settings: ContainerSettings) -> None:
        host = self._api.create_host_config(
            auto_remove=True,
            mounts=[Mount(m.target, m.source, type="bind", read_only=m.read_only) for m in settings.mounts],
            port_bindings={port: (_LOOPBACK, port) for port in settings.ports},
            mem_limit=settings.memory,
            nano_cpus=None if settings.cpus is None else round(settings.cpus * 1e9),
            device_requests=_devices(settings.gpus),
        )
        self._api.create_container(
            image,
            [*settings.command],
            name=self.name,
            host_config=host,
            # an empty one takes the image's away; None leaves it
            entrypoint=None if settings.entry_point else [],
            environment=dict(settings.environment),
            labels=dict(settings.labels),
            ports=[*settings.ports],
            stdin_open=True,
            user="{}:{}".format(*settings.user),
            working_dir=settings.workdir,
        )

    def _follow(self, stream: Any) -> None:
        decoders = {number: codecs.getincrementaldecoder("utf-8")("replace") for number in (1, 2)}
        try:
            for number, piece in frames_iter(stream, tty=False):
                if text := decoders[number].decode(piece):
                    self._said.append(text)
        except (*_BROKEN, ValueError):
            pass  # the connection is gone; ValueError: it was closed by us

    def _await_exit(self, waiting: requests.Response) -> None:
        try:
            self.exit_code = int(waiting.json()["StatusCode"])
        except (*_BROKEN, ValueError, KeyError):
            self.exit_code = -1

    def _remove(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            try:
                self._api.remove_container(self.name, force=True, v=True)
            except NoSuchContainer:
                return
            except APIError:
                pass  # 409: the engine is removing it already; gone in a moment
            except requests.RequestException:
                return  # the engine itself is gone
            time.sleep(0.02)


def _devices(gpus: str | None) -> list[DeviceRequest] | None:
    if gpus is None:
        return None
    if gpus == "all" or gpus.isdigit():
        return [DeviceRequest(count=-1 if gpus == "all" else int(gpus), capabilities=[["gpu"]])]
    return [DeviceRequest(device_ids=gpus.split(","), capabilities=[["gpu"]])]


def _archive(files: Sequence[File], user: tuple[int, int]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        made: set[str] = set()
        for file in files:
            parent = file.path.rpartition("/")[0]
            if parent not in made:
                made.add(parent)
                directory = _entry(parent, 0o700, user)
                directory.type = tarfile.DIRTYPE
                tar.addfile(directory)
            entry = _entry(file.path, 0o600, user)
            entry.size = len(file.content)
            tar.addfile(entry, io.BytesIO(file.content))
    return stream.getvalue()


def _entry(path: str, mode: int, user: tuple[int, int]) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path.lstrip("/"))
    entry.mode = mode
    entry.mtime = int(time.time())
    entry.uid, entry.gid = user
    return entry
