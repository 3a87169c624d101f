"""``notebook``: the kernel of an analysis, with a package whose two versions give different numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polly_magic.sample import programs
from polly_magic.sample.bricks import ENTRY_POINT, FOR_PYTHON
from polly_magic.sample.images import Image, labels

if TYPE_CHECKING:
    from polly_magic.sample.bricks import Brick, Bricks

__all__ = ["DESCRIPTION", "notebook_images"]

DESCRIPTION = "The kernel of an analysis: ipykernel, and the package assay"

_METADATA = """Metadata-Version: 2.1
Name: assay
Version: {version}
Summary: Counts of an assay, made comparable
"""
_BY_SUM = '''"""Counts of an assay, made comparable."""

__version__ = "1.0"


def normalise(counts):
    """Divide each by the sum of all."""
    return [round(count / sum(counts), 3) for count in counts]
'''
_BY_MEDIAN = '''"""Counts of an assay, made comparable."""

from statistics import median

__version__ = "1.1"


def normalise(counts):
    """Divide each by the median, which one large count does not move."""
    return [round(count / median(counts), 3) for count in counts]
'''


def notebook_images(bricks: Bricks) -> tuple[Image, Image]:
    """Make both: in the first ``assay.normalise`` divides by the sum, in the second by the median.

    Only where ipykernel is installed.
    """

    def image(version: str, source: str, created: str) -> Image:
        return Image(
            [
                *(bricks.shell, bricks.library, bricks.binaries, bricks.kernel),
                *(bricks.describe, _assay(bricks, version, source)),
            ],
            programs.architecture(),
            created,
            ENTRY_POINT,
            ["python3", "/opt/describe.py"],
            FOR_PYTHON,
            labels("notebook", version, DESCRIPTION, created),
        )

    return image("1.0", _BY_SUM, "2024-10-07T08:30:00Z"), image("1.1", _BY_MEDIAN, "2024-11-04T16:45:00Z")


def _assay(bricks: Bricks, version: str, source: str) -> Brick:
    packages = f"usr/local/lib/{programs.PYTHON}/site-packages"
    return bricks.brick(
        f"assay-{version}",
        f"pip install assay=={version}",
        {
            f"{packages}/assay/__init__.py": source.encode(),
            f"{packages}/assay-{version}.dist-info/METADATA": _METADATA.format(version=version).encode(),
        },
    )
