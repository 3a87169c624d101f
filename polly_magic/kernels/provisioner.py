"""The Jupyter kernel provisioner: a kernel manager's way to a kernel in a container."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import Dict

from polly_magic.kernels.container import start_container
from polly_magic.kernels.leftovers import clear_leftovers, mark
from polly_magic.kernels.settings import KernelSettings

if TYPE_CHECKING:
    from jupyter_client.connect import KernelConnectionInfo

    from polly_magic.engine import AttachedContainer

__all__ = ["ContainerProvisioner"]

_LOOK = 0.05
"""Seconds between two looks whether the kernel has ended."""


class ContainerProvisioner(LocalProvisioner):
    """Starts, signals and ends a kernel in a container of this machine's Docker engine.

    What it shares with a local kernel is inherited: ports, connection file, what is written into it. The engine is only
    talked to in other threads, so that a server with many kernels goes on meanwhile.
    """

    container: Dict[str, Any] = Dict(help="As KernelSettings.to_config wrote it into the kernelspec.").tag(config=True)

    _running: AttachedContainer | None = None
    _ending = False
    """Whether it was asked to end, or its unasked end was logged."""

    @property
    def has_process(self) -> bool:
        """Whether there is a container."""
        return self._running is not None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Choose ports and write the connection file; refuse a kernelspec that cannot be used before that."""
        KernelSettings.from_config(self.container)
        prepared = await super().pre_launch(**kwargs)
        if self.parent:
            mark(Path(self.parent.connection_file), self._name)
        return prepared

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:  # noqa: ARG002 - the other route
        """Start the container."""
        self.cwd = kwargs.get("cwd") or Path.cwd()
        self._running, self._ending = await asyncio.to_thread(self._start), False
        return self.connection_info

    async def post_launch(self, **kwargs: Any) -> None:
        """Clear away what a killed Jupyter left, while the kernel gets ready."""
        await super().post_launch(**kwargs)
        await asyncio.to_thread(clear_leftovers)

    async def poll(self) -> int | None:
        """Return None while the container is there, then its exit code."""
        if self._running is None:
            return 0
        code = self._running.exit_code
        if code and not self._ending:
            self._ending = True
            self.log.error("The kernel's container ended with exit code %d. It said:\n%s", code, self._running.said)
        return code

    async def wait(self) -> int | None:
        """Wait until the container is gone, and its ports are free."""
        while (code := await self.poll()) is None:  # noqa: ASYNC110 - a thread tells the end, and each call may have its own loop
            await asyncio.sleep(_LOOK)
        await self._let_go()
        return code

    async def send_signal(self, signum: int) -> None:
        """Send a signal to the kernel and the programs it started."""
        if self._running is not None:
            await asyncio.to_thread(self._running.signal, signum)

    async def kill(self, restart: bool = False) -> None:  # noqa: ARG002 - the interface
        """End the container at once."""
        self._ending = True
        await self.send_signal(signal.SIGKILL)

    async def terminate(self, restart: bool = False) -> None:  # noqa: ARG002 - the interface
        """Ask the kernel to end."""
        self._ending = True
        await self.send_signal(signal.SIGTERM)

    async def cleanup(self, restart: bool = False) -> None:
        """See that the container is gone; return the ports unless a restart needs them."""
        await self._let_go()
        if self.connection_info:
            await super().cleanup(restart)

    async def get_provisioner_info(self) -> dict[str, Any]:
        """Return what tells which container this is."""
        return {**await super().get_provisioner_info(), "container": self._name}

    def _start(self) -> AttachedContainer:
        manager: Any = self.parent
        connection = json.loads(Path(manager.connection_file).read_text())
        settings = KernelSettings.from_config(self.container)
        return start_container(settings, connection, Path(self.cwd or ""), self._name)

    async def _let_go(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            await asyncio.to_thread(running.close)

    @property
    def _name(self) -> str:
        return f"polly-kernel-{self.kernel_id}"
