"""``16june``: a report, and the report corrected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polly_magic.sample import programs
from polly_magic.sample.bricks import ENTRY_POINT, FOR_SHELL
from polly_magic.sample.images import Image, labels

if TYPE_CHECKING:
    from polly_magic.sample.bricks import Bricks

__all__ = ["DESCRIPTION", "report_images"]

DESCRIPTION = "Report on the counts of June 16, as published and as corrected"

_REPORT = """#!/bin/sh
cat <<'END'
Counts of June 16, {state}
sample    reads   genes
s1      {s1:>7}   18211
s2      {s2:>7}   17903
s3      {s3:>7}   18040
END
"""
_PUBLISHED = _REPORT.format(state="as published", s1=1204718, s2=998342, s3=1100257)
_CORRECTED = _REPORT.format(state="corrected: duplicates removed", s1=1093377, s2=911206, s3=1004981)


def report_images(bricks: Bricks) -> tuple[Image, Image]:
    """Make both: they hold a shell, and no Python."""

    def image(version: str, text: str, created: str) -> Image:
        return Image(
            [bricks.shell, bricks.brick(f"report-{version}", "add report.sh", {"opt/report.sh": text.encode()})],
            programs.architecture(),
            created,
            ENTRY_POINT,
            ["/bin/sh", "/opt/report.sh"],
            {**FOR_SHELL, "REPORT_VERSION": version},
            labels("16june", version, DESCRIPTION, created),
        )

    return image("1", _PUBLISHED, "2020-06-17T18:12:58Z"), image("2", _CORRECTED, "2020-06-17T19:03:35Z")
