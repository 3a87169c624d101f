"""What a machine with this package has that makes an image worth running: a shell, and this very Python."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from importlib.metadata import distribution, distributions
from pathlib import Path
from typing import TYPE_CHECKING

from polly_magic.sample.layers import Entry, Link

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = ["PYTHON", "architecture", "closure", "is_installed", "package", "python_binaries", "python_library", "shell"]

PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"

_TOOLS = ("sh", "cat", "env", "ls", "id", "sleep")
_NOT_COPIED = {
    "__pycache__", "dist-packages", "ensurepip", "idlelib", "lib-dynload", "lib2to3", "site-packages", "test", "tests",
    "tkinter", "turtledemo",
}  # fmt: skip


def architecture() -> str:
    """Of this machine, as images name it."""
    machine = platform.machine().lower()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def shell() -> dict[str, Entry]:
    """Find a shell and a few programs with the libraries they need; nothing where they are not Linux programs."""
    if sys.platform != "linux":
        return {}
    programs = {name: Path(found).resolve() for name in _TOOLS if (found := shutil.which(name, path="/bin:/usr/bin"))}
    entries: dict[str, Entry] = {f"bin/{name}": program for name, program in programs.items()}
    entries["etc/passwd"] = b"root:x:0:0:root:/root:/bin/sh\n"
    return entries | _libraries(programs.values())


def python_binaries(packages: Iterable[str]) -> dict[str, Entry]:
    """Find the machine's part of Python: interpreter, extension modules, and the libraries they and packages need."""
    if sys.platform != "linux":
        return {}
    interpreter = Path(sys.executable).resolve()
    modules = sorted(Path(sysconfig.get_config_var("DESTSHARED")).glob("*.so"))
    entries: dict[str, Entry] = {
        f"usr/local/bin/{PYTHON}": interpreter,
        "usr/local/bin/python3": Link(PYTHON),
        "usr/local/bin/python": Link(PYTHON),
    }
    entries |= {f"usr/local/lib/{PYTHON}/lib-dynload/{module.name}": module for module in modules}
    extensions = [file for name in packages for path, file in package(name).items() if path.endswith(".so")]
    return entries | _libraries([interpreter, *modules, *(file for file in extensions if isinstance(file, Path))])


def python_library() -> dict[str, Entry]:
    """Find the standard library, without its tests: the same on every machine."""
    library = Path(sysconfig.get_path("stdlib"))
    found: dict[str, Entry] = {
        f"usr/local/lib/{PYTHON}/{file.relative_to(library).as_posix()}": file
        for file in sorted(library.rglob("*.py"))
        if not _NOT_COPIED.intersection(file.relative_to(library).parts)
        and not any(part.startswith("config-") for part in file.parts)
    }
    # Debian's own Python looks for packages there.
    return found | {f"usr/local/lib/{PYTHON}/dist-packages": Link("site-packages")}


def is_installed(name: str) -> bool:
    """Whether a package is."""
    return any(distributions(name=name))


def closure(name: str, without: Collection[str] = ()) -> list[str]:
    """List an installed package that needs `packaging`, and all that it needs on this machine.

    Parameters
    ----------
    name : str
    without : collection of str, optional
        Packages, as ``packaging.utils.canonicalize_name`` writes them, that are left out with what only they need.

    Returns
    -------
    list of str
        Sorted. What is needed and not installed is no part of it: it works here without.

    Examples
    --------
    >>> closure("stack-data", without={"executing"})
    ['asttokens', 'pure-eval', 'stack-data']
    """
    # Not among our own dependencies: whoever asks has a package that brings it.
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    found: set[tuple[str, str]] = set()
    to_follow = {(canonicalize_name(name), "")}
    while to_follow:
        needed, extra = to_follow.pop()
        if (needed, extra) in found or needed in without or not is_installed(needed):
            continue
        found.add((needed, extra))
        for requirement in map(Requirement, distribution(needed).requires or ()):
            if not requirement.marker or requirement.marker.evaluate({"extra": extra}):
                to_follow |= {(canonicalize_name(requirement.name), each) for each in ("", *requirement.extras)}
    return sorted({needed for needed, _ in found})


def package(name: str) -> dict[str, Entry]:
    """Find an installed package with its metadata, without its tests."""
    installed = distribution(name)
    files = [file for file in installed.files or [] if ".." not in file.parts and not _NOT_COPIED & set(file.parts)]
    located = {file.as_posix(): Path(str(installed.locate_file(file))) for file in files}
    # not what pip writes about this installation: it would make another digest of the same package
    unsaid = {"RECORD", "direct_url.json", "REQUESTED", "INSTALLER"}
    return {
        f"usr/local/lib/{PYTHON}/site-packages/{path}": file
        for path, file in located.items()
        if file.is_file() and file.name not in unsaid
    }


def _libraries(programs: Iterable[Path]) -> dict[str, Entry]:
    """Find what the dynamic loader would load: it lies where programs look for it, the rest where it looks first."""
    listed = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True, check=False).stdout
    found = {Path(library) for library in re.findall(r"(/\S+) \(0x", listed)}
    return {
        str(library).lstrip("/") if library.name.startswith("ld-") else f"usr/local/lib/{library.name}": library
        for library in found
        # a package's own libraries come with the package, and it finds them there
        if library.is_file() and "site-packages" not in library.parts
    }
