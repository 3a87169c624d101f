"""What a kernel takes along into its container: this package, so that `require` works in an image that lacks it."""

from __future__ import annotations

import io
import zipfile
from functools import cache
from importlib.metadata import version
from pathlib import Path

__all__ = ["inside_program", "package_zip"]

_PACKAGE = Path(__file__).parent.parent


@cache
def package_zip() -> bytes:
    """Return this package as a zip that Python imports from, with the metadata that tells its version."""
    stream = io.BytesIO()
    number = version("polly-magic")
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for file in sorted(_PACKAGE.rglob("*.py")):
            archive.writestr(str(file.relative_to(_PACKAGE.parent).as_posix()), file.read_bytes())
        archive.writestr(
            f"polly_magic-{number}.dist-info/METADATA",
            f"Metadata-Version: 2.1\nName: polly-magic\nVersion: {number}\n",
        )
    return stream.getvalue()


@cache
def inside_program() -> bytes:
    """Return the program that the container runs."""
    return (_PACKAGE / "kernels" / "inside.py").read_bytes()
