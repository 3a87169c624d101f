"""A real IPython kernel, one for each test: what a notebook sends and gets."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jupyter_client.manager import KernelManager

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jupyter_client.blocking.client import BlockingKernelClient


@dataclass
class Cell:
    """What came of one cell."""

    status: str = ""
    next_cells: list[str] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)
    stdout: str = ""
    stderr: str = ""
    error: str = ""
    traceback: list[str] = field(default_factory=list)
    result: dict[str, str] = field(default_factory=dict)
    shown: list[dict[str, str]] = field(default_factory=list)
    """Displays, as they stand at the end."""
    redrawn: int = 0


class Kernel:
    def __init__(self, client: BlockingKernelClient) -> None:
        self.client = client

    def run(self, code: str, *, answer: str | None = None, interrupt: KernelManager | None = None) -> Cell:
        """Run a cell; `answer` is what somebody types where the kernel asks, and without one nobody is there."""
        cell = Cell()
        displays: dict[str, int] = {}

        def take(message: dict[str, Any]) -> None:
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                setattr(cell, content["name"], getattr(cell, content["name"]) + content["text"])
                if interrupt is not None:
                    interrupt.interrupt_kernel()
            elif kind == "error":
                cell.error, cell.traceback = content["ename"], content["traceback"]
            elif kind == "execute_result":
                cell.result = content["data"]
            elif kind == "display_data":
                displays[content["transient"].get("display_id", "")] = len(cell.shown)
                cell.shown.append(content["data"])
            elif kind == "update_display_data":
                cell.shown[displays[content["transient"]["display_id"]]] = content["data"]
                cell.redrawn += 1

        def ask(message: dict[str, Any]) -> None:
            assert message["content"]["password"], "a key is typed without echo"
            cell.prompts.append(message["content"]["prompt"])
            self.client.input(answer)

        reply = self.client.execute_interactive(
            code, output_hook=take, stdin_hook=ask, allow_stdin=answer is not None, timeout=60
        )
        cell.status = reply["content"]["status"]
        payload = reply["content"].get("payload", [])
        cell.next_cells = [item["text"] for item in payload if item["source"] == "set_next_input"]
        return cell

    def complete(self, code: str) -> list[str]:
        """Return the whole lines that the tab key offers."""
        self.client.complete(code)
        content = self.client.get_shell_msg(timeout=30)["content"]
        return [code[: content["cursor_start"]] + match + code[content["cursor_end"] :] for match in content["matches"]]


@contextmanager
def kernel(
    variables: dict[str, str], name: str = "python3", folder: Path | None = None
) -> Iterator[tuple[Kernel, KernelManager]]:
    manager = KernelManager(kernel_name=name)
    manager.start_kernel(env=variables, cwd=folder and str(folder))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        yield Kernel(client), manager
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
