"""One process that serves one data directory, from its start to its orderly end."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import socket
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from polly_magic.errors import PollyError, Rejected
from polly_magic.redaction import redact
from polly_magic.service.application import FIRST_ACCOUNT, build_application, make_data_directory
from polly_magic.service.first_start import is_loopback
from polly_magic.service.registry import RUNNER_OPTIONS
from polly_magic.service.state import State, hold, publish

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from polly_magic.service.config import Config

__all__ = ["Started", "run"]

USUAL_PORT = 5005
"""Taken at the first start where it is free, so that the paths of images look alike everywhere."""

# Requests under way may take this long to end; an upload that is cut off is taken up again by its client.
_GRACE = 10.0
_BACKLOG = 1024


@dataclass(frozen=True, slots=True)
class Started:
    """What `run` tells once the service listens.

    Parameters
    ----------
    url : str
        Where clients on this machine reach it.
    first_account : str or None
        Address of the account that this start made, if it was the first.
    on_loopback : bool
        Whether only this machine reaches it.
    """

    url: str
    first_account: str | None
    on_loopback: bool


def run(config: Config, ready: Callable[[Started], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT.

    Parameters
    ----------
    config : Config
    ready : callable, optional
        Called in a thread of its own once the service answers.

    Raises
    ------
    StoreUnusable
        The data directory cannot be used, or another process serves it.
    Rejected
        The address cannot be listened on.
    """
    make_data_directory(config.data)
    with hold(config.data), _listen(config) as listening:
        asyncio.run(_serve(config, listening, ready))


async def _serve(config: Config, listening: socket.socket, ready: Callable[[Started], None] | None) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    # Migrates and checks the files, which may take a while; nothing else runs yet.
    app = build_application(config)
    access_log = _access_log() if config.access_log else None
    runner = web.AppRunner(
        app, shutdown_timeout=_GRACE, access_log=access_log, access_log_class=_AccessLogger, **RUNNER_OPTIONS
    )
    await runner.setup()
    try:
        await web.SockSite(runner, listening, backlog=_BACKLOG).start()
        started = Started(_url(config, listening), app[FIRST_ACCOUNT], is_loopback(config.host))
        with publish(config.data, State(started.url, os.getpid(), version("polly-magic"))):
            if ready:
                await asyncio.to_thread(ready, started)
            await ended.wait()
    finally:
        await runner.cleanup()


def _listen(config: Config) -> socket.socket:
    """Return a listening socket; where any port will do, on the one that clients of last time know."""
    remembered = config.data / "port"
    for port in [config.port] if config.port else [_read_port(remembered), USUAL_PORT, 0]:
        try:
            listening = _bind(config.host, port)
        except OSError as error:
            if not config.port and port and error.errno in (errno.EADDRINUSE, errno.EACCES):
                continue
            raise _no_address(config, error) from error
        remembered.write_text(str(listening.getsockname()[1]))
        return listening
    raise AssertionError("port 0 is always tried last")


def _bind(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        # Another process may have bound the port as well, and only the first to listen gets it.
        listening.listen(_BACKLOG)
    except BaseException:
        listening.close()
        raise
    return listening


def _read_port(path: Path) -> int:
    try:
        port = int(path.read_text())
    except (OSError, ValueError):
        return USUAL_PORT
    return port if 0 < port < 65536 else USUAL_PORT


def _no_address(config: Config, error: OSError) -> PollyError:
    where = f"{config.host} port {config.port}"
    if isinstance(error, socket.gaierror):
        return Rejected(f"There is no host {config.host!r} to listen on.", "Give an address of this machine: --host H")
    if error.errno == errno.EADDRINUSE:
        return Rejected(f"Another program listens on {where}.", "Give another port: --port P (0 takes a free one)")
    if error.errno == errno.EACCES:
        return Rejected(f"You are not permitted to listen on {where}.", "Give a port above 1023: --port P")
    if error.errno == errno.EADDRNOTAVAIL:
        return Rejected(f"{config.host} is no address of this machine.", "Give one that is: --host H")
    return Rejected(f"The service can't listen on {where}: {error.strerror}.", "Give another: --host H --port P")


def _url(config: Config, listening: socket.socket) -> str:
    if config.public_url:
        return config.public_url.rstrip("/")
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared with; this is what others on this machine connect to
        host = "127.0.0.1" if host == "0.0.0.0" else "::1"  # noqa: S104
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _AccessLogger(AbstractAccessLogger):
    """One line a request, without its query and headers, which may hold secrets."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        path = redact(request.rel_url.raw_path)
        self.logger.info(
            "%s %s %s %s %d %.1f ms",
            request.remote,
            request.method,
            path,
            response.status,
            response.body_length,
            time * 1000,
        )


def _access_log() -> logging.Logger:
    logger = logging.getLogger("polly_magic.service.access")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    if not logger.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        logger.addHandler(handler)
    return logger
