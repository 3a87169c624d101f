"""``python -m polly_magic.kernels KERNEL_JSON CONNECTION_FILE``: the route of front ends that ignore provisioners.

They start this program as if it were the kernel; it starts the container, passes signals on, and ends with it. Where
Jupyter started it, it ends with Jupyter too, as a kernel does.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polly_magic.errors import PollyError, UsageError
from polly_magic.kernels.container import start_container
from polly_magic.kernels.leftovers import clear_leftovers
from polly_magic.kernels.settings import KernelSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polly_magic.engine import AttachedContainer

__all__ = ["main"]


def main(words: Sequence[str]) -> int:
    """Run a kernel in its container to its end, and return its exit code."""
    # What jupyter_client hands to kernels that shall not outlive it.
    parent = os.getppid() if "JPY_PARENT_PID" in os.environ else None
    try:
        if len(words) != 2:
            raise UsageError("It takes the kernelspec and the connection file.", __doc__ or "")
        spec, connection = (_read(Path(word)) for word in words)
        settings = KernelSettings.from_spec(spec)
        name = f"polly-kernel-{uuid.uuid4()}"
        container = start_container(settings, connection, Path.cwd(), name)
    except PollyError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: container.signal(received))
    clear_leftovers()
    code = _see_to_its_end(container, parent)
    if code is None:
        # Nobody else is there to remove it.
        Path(words[1]).unlink(missing_ok=True)
        return 1
    return code


def _see_to_its_end(container: AttachedContainer, parent: int | None) -> int | None:
    """Return the exit code; None where the parent is gone."""
    # In pieces, so that a signal is passed on soon: Python runs handlers between two of them only.
    while (code := container.wait(0.2)) is None:
        if parent is not None and os.getppid() != parent:
            container.close()
            return None
    container.close()
    if code:
        sys.stderr.write(f"The kernel's container ended with exit code {code}. It said:\n{container.said}")
    return code if 0 <= code < 256 else 1


def _read(path: Path) -> dict[str, Any]:
    try:
        content: Any = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}.", "Install the kernel again.") from error
    if not isinstance(content, dict):
        raise UsageError(f"{path} holds no object.", "Install the kernel again.")
    return content  # pyright: ignore[reportUnknownVariableType]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
