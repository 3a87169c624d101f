"""``workbench``: a Python with NumPy, then also pandas, for two platforms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polly_magic.sample import programs
from polly_magic.sample.bricks import ENTRY_POINT, FOR_PYTHON, WITH_NUMPY, WITH_PANDAS
from polly_magic.sample.images import Image, labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polly_magic.sample.bricks import Bricks

__all__ = ["DESCRIPTION", "workbench_images"]

DESCRIPTION = "Python for the bench: NumPy, and from 2.0 on pandas"


def workbench_images(bricks: Bricks) -> tuple[list[Image], list[Image]]:
    """Make both versions, each for two platforms."""

    def images(version: str, created: str, packages: Sequence[str]) -> list[Image]:
        settings = (
            created,
            ENTRY_POINT,
            ["python3", "/opt/describe.py"],
            FOR_PYTHON,
            labels("workbench", version, DESCRIPTION, created),
        )
        here = [bricks.shell, bricks.library, bricks.binaries, *map(bricks.package, packages), bricks.describe]
        # What does not depend on the platform is all that this machine has of the other one.
        there = [bricks.library, bricks.describe]
        other = "amd64" if programs.architecture() == "arm64" else "arm64"
        return [Image(here, programs.architecture(), *settings), Image(there, other, *settings)]

    return images("1.0", "2024-02-01T10:00:00Z", WITH_NUMPY), images("2.0", "2024-09-01T10:00:00Z", WITH_PANDAS)
