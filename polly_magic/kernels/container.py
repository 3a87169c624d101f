"""The container of a kernel: what is put into it, and how it is started."""

from __future__ import annotations

import getpass
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polly_magic.errors import UsageError
from polly_magic.kernels.luggage import inside_program, package_zip
from polly_magic.kernels.settings import KernelSettings, split_mount
from polly_magic.references import IMAGE_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polly_magic.engine import AttachedContainer

__all__ = ["LABEL", "PORTS", "WORK", "start_container"]

LABEL = "io.polly-magic.kernel"
WORK = "/work"
"""Where the notebook's folder stands, as in `run`."""
PORTS = ("shell_port", "iopub_port", "stdin_port", "hb_port", "control_port")
# The container's user owns it, and nobody else can look into it: it holds the key of the connection.
_HOME = "/.polly-magic"


def start_container(
    settings: KernelSettings,
    connection: Mapping[str, Any],
    folder: Path,
    name: str,
) -> AttachedContainer:
    """Start a kernel's container.

    Parameters
    ----------
    settings : KernelSettings
    connection : mapping
        What the connection file says; the kernel is reached at these ports of this machine's loopback.
    folder : pathlib.Path
        Of the notebook; `settings.folder` goes before it.
    name : str
        Of the container.

    Raises
    ------
    EngineFailure
        The image is not on this machine, or the engine cannot start it.
    UsageError
        The folder does not exist, or a variable that should be handed over is not set.
    """
    # Not before a kernel is started: Jupyter imports this to list its kernels.
    from polly_magic.engine import ContainerSettings, Engine, File, MountPoint

    if connection.get("transport") != "tcp":
        raise UsageError(
            f"A kernel in a container is reached by tcp, not by {connection.get('transport')}.",
            "Leave KernelManager.transport as it is by default.",
        )
    folder = Path(settings.folder or folder)
    if not folder.is_dir():
        raise UsageError(f"There is no folder {str(folder)!r}.", "Start the kernel in a folder that exists.")
    extra = [MountPoint(*split_mount(mount)) for mount in settings.mounts]
    # Inside, every address; outside, the published ports are bound to the loopback only.
    inside = json.dumps({**connection, "ip": "0.0.0.0"}).encode()  # noqa: S104
    files = [
        File(f"{_HOME}/connection.json", inside),
        File(f"{_HOME}/inside.py", inside_program()),
        File(f"{_HOME}/polly_magic.zip", package_zip()),
    ]
    with Engine() as engine:
        user = engine.this_user()
        container = ContainerSettings(
            [settings.python, f"{_HOME}/inside.py", f"{_HOME}/connection.json"],
            user,
            entry_point=settings.entry_point,
            environment=_environment(settings, user[0]),
            labels={LABEL: settings.image},
            mounts=[MountPoint(str(folder.absolute()), WORK), *extra],
            ports=[int(connection[port]) for port in PORTS],
            workdir=WORK,
            memory=settings.memory,
            cpus=settings.cpus,
            gpus=settings.gpus,
        )
        return engine.attach(settings.reference, name, container, files)


def _environment(settings: KernelSettings, uid: int) -> dict[str, str]:
    made = {IMAGE_VARIABLE: settings.image}
    if uid != 0:
        # This user has no home in the image, and often no name there.
        made |= {"HOME": _HOME, "USER": getpass.getuser(), "LOGNAME": getpass.getuser()}
    for name, value in settings.environment.items():
        handed = os.environ.get(name) if value is None else value
        if handed is None:
            raise UsageError(
                f"The kernel is to be handed {name}, which is not set where Jupyter runs.",
                f"Set it before Jupyter starts, or install the kernel with --env {name}=VALUE.",
            )
        made[name] = handed
    return made
