"""``docker_demo/cache``: reference data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polly_magic.sample import programs
from polly_magic.sample.bricks import ENTRY_POINT, FOR_SHELL
from polly_magic.sample.images import Image, labels

if TYPE_CHECKING:
    from polly_magic.sample.bricks import Bricks

__all__ = ["DESCRIPTION", "cache_image"]

DESCRIPTION = "Reference data that every demo starts from"

_CREATED = "2020-06-01T09:00:00Z"
_REFERENCE = b"""key,value
reference,GRCh38
annotation,GENCODE 34
"""


def cache_image(bricks: Bricks) -> Image:
    """Make it."""
    return Image(
        [bricks.shell, bricks.brick("cache", "add reference data", {"data/reference.csv": _REFERENCE})],
        programs.architecture(),
        _CREATED,
        ENTRY_POINT,
        ["cat", "/data/reference.csv"],
        {**FOR_SHELL, "DATA": "/data"},
        labels("docker_demo/cache", "1", DESCRIPTION, _CREATED),
    )
