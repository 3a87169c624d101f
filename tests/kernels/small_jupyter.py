"""A small Jupyter: one process that starts several kernels, and says on its standard output how far it is.

``python -m tests.kernels.small_jupyter KERNEL_NAME ENDING HOW_MANY``. Some endings are that it is killed.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from typing import TYPE_CHECKING, Any, cast

from jupyter_client.multikernelmanager import AsyncMultiKernelManager
from jupyter_core.paths import jupyter_runtime_dir
from traitlets.config import Config

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from jupyter_client.asynchronous.client import AsyncKernelClient

PATIENCE = 60
COMPUTING = "print('runs', flush=True)\nwhile True: pass"
# `sum` comes back from C at its end only: no thread of the kernel gets the lock, not even the one that prints.
IN_C = "import time\nprint('runs', flush=True)\ntime.sleep(0.5)\nsum(range(10**13))"


def say(what: str, **more: Any) -> None:
    print(json.dumps({"what": what, **more}), flush=True)


class Kernel:
    """One kernel, and what is done with it."""

    def __init__(self, managers: AsyncMultiKernelManager, name: str) -> None:
        self._managers, self._name = managers, name

    async def start(self) -> None:
        self.id = await self._managers.start_kernel(kernel_name=self._name)
        # Its methods are coroutines, which jupyter_client's types do not tell.
        self.manager: Any = self._managers.get_kernel(self.id)
        say("ports", ports=self.manager.ports)
        await self.connect()

    async def connect(self) -> None:
        self.client = cast("AsyncKernelClient", self.manager.client())
        self.client.start_channels()
        await self.client.wait_for_ready(timeout=PATIENCE)

    async def value(self, expression: str) -> str:
        seen: list[str] = []

        def take(message: dict[str, Any]) -> None:
            if message["msg_type"] == "execute_result":
                seen.append(message["content"]["data"]["text/plain"])

        reply = await self.client.execute_interactive(expression, output_hook=take, timeout=PATIENCE)
        assert reply["content"]["status"] == "ok", reply["content"]
        return seen[0]

    async def begin(self, code: str) -> None:
        """Send a cell that prints `runs`, and return once it has."""
        # Else whatever is asked soon after an interruption is aborted with it.
        self.client.execute(code, stop_on_error=False)
        while True:
            message = await self.client.get_iopub_msg(timeout=PATIENCE)
            if message["msg_type"] == "stream" and "runs" in message["content"]["text"]:
                return

    async def interrupt(self) -> None:
        await self.begin(COMPUTING)
        await self.manager.interrupt_kernel()
        reply = await self.client.get_shell_msg(timeout=PATIENCE)
        assert reply["content"]["ename"] == "KeyboardInterrupt", reply["content"]

    async def round(self) -> None:
        """Start, interrupt and restart, and see each time that it answers."""
        await self.start()
        assert await self.value("(kept := 6 * 7)") == "42"
        await self.interrupt()
        assert await self.value("kept") == "42"
        await self.manager.restart_kernel()
        await self.see_it_fresh()

    async def see_it_fresh(self) -> None:
        await self.client.wait_for_ready(timeout=PATIENCE)
        assert await self.value("'kept' in globals()") == "False"

    async def shut_down(self, *, now: bool = False) -> None:
        self.client.stop_channels()
        await self._managers.shutdown_kernel(self.id, now=now)

    async def end_and_come_back(self, end: Callable[[], Awaitable[Any]]) -> None:
        """Let the kernel be ended, see that Jupyter starts it again, and shut it down."""
        again = asyncio.Event()
        self.manager.add_restart_callback(again.set)
        await self.value("(kept := 1)")
        await end()
        await asyncio.wait_for(again.wait(), PATIENCE)
        # The word comes as the restart begins.
        while not await self.manager.is_alive():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.05)
        self.client.stop_channels()
        await self.connect()
        await self.see_it_fresh()
        await self.shut_down()

    async def kill_itself(self) -> None:
        self.client.execute("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")

    async def kill_container(self) -> None:
        kill = ["docker", "kill", f"polly-kernel-{self.id}"]
        docker = await asyncio.create_subprocess_exec(*kill, stdout=asyncio.subprocess.DEVNULL)
        assert await docker.wait() == 0

    async def signal(self, number: int) -> None:
        """Send a signal to what Jupyter takes for the kernel; to it alone, not to its group."""
        provisioner: Any = self.manager.provisioner
        provisioner.process.send_signal(number)


async def _nothing(_: Kernel) -> None:
    pass


def _stop_before_the_start() -> None:
    from polly_magic.engine import attached

    def start(*_: Any) -> None:
        say("between")
        signal.pause()

    attached.start = start


# Before Jupyter says that the ending comes, and then. Who is to be killed does something only.
ENDINGS: dict[str, tuple[Callable[[Kernel], Awaitable[Any]], Callable[[Kernel], Awaitable[Any]]]] = {
    "shut down": (_nothing, lambda kernel: kernel.shut_down()),
    "shut down at once": (_nothing, lambda kernel: kernel.shut_down(now=True)),
    "shut down while it computes": (lambda kernel: kernel.begin(COMPUTING), lambda kernel: kernel.shut_down()),
    "kernel killed": (_nothing, lambda kernel: kernel.end_and_come_back(kernel.kill_itself)),
    "container killed": (_nothing, lambda kernel: kernel.end_and_come_back(kernel.kill_container)),
    "launcher killed": (_nothing, lambda kernel: kernel.end_and_come_back(lambda: kernel.signal(signal.SIGKILL))),
    "launcher terminated": (_nothing, lambda kernel: kernel.end_and_come_back(lambda: kernel.signal(signal.SIGTERM))),
    "Jupyter killed while idle": (_nothing, _nothing),
    "Jupyter killed while computing": (lambda kernel: kernel.begin(COMPUTING), _nothing),
    "Jupyter killed while in C": (lambda kernel: kernel.begin(IN_C), _nothing),
    "Jupyter killed in the start": (lambda kernel: kernel.shut_down(), lambda kernel: kernel.start()),
    "Jupyter killed between create and start": (lambda kernel: kernel.shut_down(), lambda kernel: kernel.start()),
    "Jupyter killed in the restart": (_nothing, lambda kernel: kernel.manager.restart_kernel()),
}
_STAGGER = 0.15
"""Seconds from one kernel to the next: what kills Jupyter meets each at another point."""


async def main(name: str, ending: str, how_many: int) -> None:
    config = Config({"KernelRestarter": {"time_to_dead": 0.3}})
    managers = AsyncMultiKernelManager(
        connection_dir=jupyter_runtime_dir(),
        kernel_manager_class="jupyter_client.ioloop.AsyncIOLoopKernelManager",
        config=config,
    )
    kernels = [Kernel(managers, name) for _ in range(how_many)]
    await asyncio.gather(*(kernel.round() for kernel in kernels))
    before, end = ENDINGS[ending]
    await asyncio.gather(*(before(kernel) for kernel in kernels))
    if ending.endswith("between create and start"):
        _stop_before_the_start()
    say("now")

    async def end_later(number: int) -> None:
        await asyncio.sleep(number * _STAGGER)
        await end(kernels[number])

    await asyncio.gather(*map(end_later, range(how_many)))
    if ending.startswith("Jupyter killed"):
        await asyncio.sleep(PATIENCE)
    say("done")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
