"""The layers that images of the sample are made of, and what an image of them is started with."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from polly_magic.sample import programs
from polly_magic.sample.layers import Entry, Layer, build_layer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["ENTRY_POINT", "FOR_PYTHON", "FOR_SHELL", "KERNEL", "WITH_NUMPY", "WITH_PANDAS", "Brick", "Bricks"]

Brick = tuple[str, Layer]
"""A layer, with the step that made it."""

ENTRY_POINT = ("/bin/sh", "/opt/entry_point.sh")
FOR_SHELL = {"PATH": "/usr/local/bin:/bin", "LD_LIBRARY_PATH": "/usr/local/lib"}
FOR_PYTHON = FOR_SHELL | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONHOME": "/usr/local"}

WITH_NUMPY = ("numpy",)
# Releases of python-dateutil that need no six do not install it.
WITH_PANDAS = (*WITH_NUMPY, *(name for name in ("pandas", "python-dateutil", "six") if programs.is_installed(name)))
# A kernel starts and completes without the debugger and jedi, which are two thirds of the bytes.
KERNEL = programs.closure("ipykernel", without={"debugpy", "jedi"}) if programs.is_installed("ipykernel") else []

_ENTRY_POINT = b'#!/bin/sh\n# Whatever is asked for, in the environment of the image.\nexec "$@"\n'
_DESCRIBE = b"""import importlib.metadata, platform
print("Python", platform.python_version())
for found in sorted(importlib.metadata.distributions(), key=lambda found: found.name.lower()):
    print(found.name, found.version)
"""


class Bricks:
    """Layers, each built when it is first asked for, and once for all images that have it.

    Parameters
    ----------
    directory : Path
        Where their files are kept.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._packages: dict[str, Brick] = {}

    def brick(self, name: str, step: str, entries: Mapping[str, Entry]) -> Brick:
        """Build a layer.

        Parameters
        ----------
        name : str
            Of its file.
        step : str
            For the history of an image.
        entries : mapping of str to Entry
        """
        return step, build_layer(self._directory / f"{name}.tar.gz", entries)

    @cached_property
    def shell(self) -> Brick:
        """A shell, the entry point, and directories to write into."""
        entry_point = {"opt/entry_point.sh": _ENTRY_POINT, "tmp/.keep": b"", "work/.keep": b""}
        return self.brick("shell", "a shell from this machine", programs.shell() | entry_point)

    @cached_property
    def library(self) -> Brick:
        """Python's standard library."""
        return self.brick("library", f"the standard library of {programs.PYTHON}", programs.python_library())

    @cached_property
    def binaries(self) -> Brick:
        """The interpreter with the libraries that it and any package here needs: one layer for all images."""
        step = f"{programs.PYTHON} for {programs.architecture()}"
        return self.brick("binaries", step, programs.python_binaries((*WITH_PANDAS, *KERNEL)))

    @cached_property
    def kernel(self) -> Brick:
        """What a Jupyter kernel needs, and a home for root: IPython complains where there is none."""
        entries: dict[str, Entry] = {"root/.keep": b""}
        for name in KERNEL:
            entries |= programs.package(name)
        return self.brick("kernel", "pip install ipykernel", entries)

    @cached_property
    def describe(self) -> Brick:
        """A program that lists what is installed."""
        return self.brick("describe", "add describe.py", {"opt/describe.py": _DESCRIBE})

    def package(self, name: str) -> Brick:
        """Build the layer of a package."""
        if name not in self._packages:
            self._packages[name] = self.brick(name, f"pip install {name}", programs.package(name))
        return self._packages[name]
