"""The Docker engine: pull, push and run, with one progress bar a layer; and containers that go on.

Nothing else imports the Docker SDK; import this package only where an engine is about to be used.
"""

from __future__ import annotations

from polly_magic.engine.attached import AttachedContainer, ContainerSettings, File, MountPoint
from polly_magic.engine.engine import Container, Credentials, Engine, Pulled

__all__ = [
    "AttachedContainer",
    "Container",
    "ContainerSettings",
    "Credentials",
    "Engine",
    "File",
    "MountPoint",
    "Pulled",
]
