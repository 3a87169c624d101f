"""Kernelspecs of ours: written, found and removed where Jupyter looks for them."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import cast

from polly_magic.errors import Conflict, NotFound, PollyError, UsageError
from polly_magic.kernels.settings import PROVISIONER, KernelSettings
from polly_magic.references import short_digest

__all__ = [
    "Spec",
    "check_name",
    "display_name",
    "find_specs",
    "get_spec",
    "install_spec",
    "kernel_name",
    "remove_spec",
    "write_spec",
]

_FILE = "kernel.json"
_LOGO = "logo-svg.svg"
_NAME = re.compile(r"[a-z0-9._-]+")


@dataclass(frozen=True)
class Spec:
    """An installed kernelspec of ours.

    Parameters
    ----------
    name : str
        As ``jupyter console --kernel`` takes it.
    display_name : str
        As a launcher shows it.
    directory : pathlib.Path
    settings : KernelSettings or None
        None where they cannot be read.
    """

    name: str
    display_name: str
    directory: Path
    settings: KernelSettings | None


def display_name(settings: KernelSettings) -> str:
    """Return what a launcher shows.

    Examples
    --------
    >>> display_name(KernelSettings("localhost:5000/elucidata/16june@sha256:" + "5747316" + 57 * "0"))
    'Polly 16june@5747316'
    """
    return f"Polly {_short(settings)}"


def kernel_name(settings: KernelSettings) -> str:
    """Return the name of a kernelspec that was given none.

    Examples
    --------
    >>> kernel_name(KernelSettings("localhost:5000/elucidata/rna/aligner@sha256:" + "5747316" + 57 * "0"))
    'polly-rna-aligner-5747316'
    """
    return "polly-" + _short(settings).replace("/", "-").replace("@", "-")


def write_spec(directory: Path, settings: KernelSettings, shown: str, installed: Path | None = None) -> None:
    """Write a kernelspec into a directory.

    Parameters
    ----------
    directory : pathlib.Path
        Made where it is missing.
    settings : KernelSettings
    shown : str
        Display name.
    installed : pathlib.Path, optional
        Where the directory will stand, if that is elsewhere.
    """
    spec = {
        # What front ends run that ignore provisioners. An absolute path: `python` would be taken for the kernel's.
        "argv": [
            sys.executable, "-m", "polly_magic.kernels", str((installed or directory) / _FILE), "{connection_file}",
        ],
        "display_name": shown,
        "language": "python",
        "interrupt_mode": "signal",
        "metadata": {
            "kernel_provisioner": {"provisioner_name": PROVISIONER, "config": {"container": settings.to_config()}}
        },
    }  # fmt: skip
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / _FILE
    # For its owner only: a variable of the environment may be a secret.
    file.touch(0o600)
    file.write_text(json.dumps(spec, indent=1), "utf-8")
    (directory / _LOGO).write_bytes((files("polly_magic.kernels") / _LOGO).read_bytes())


def check_name(name: str) -> None:
    """See that a kernelspec of ours can have this name.

    Raises
    ------
    UsageError
        It is no name.
    Conflict
        A kernelspec that is not ours has it.
    """
    from jupyter_client.kernelspec import KernelSpecManager

    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name of a kernel.", "Use small letters, digits, dots, hyphens and underscores: --name N"
        )
    found = KernelSpecManager().find_kernel_specs().get(name)
    if found and _read(name, Path(found)) is None:
        raise Conflict(f"There is another kernel {name!r}, in {found}.", "Give this one another name: --name N")


def install_spec(name: str, settings: KernelSettings, shown: str, *, sys_prefix: bool = False) -> Spec:
    """Put a kernelspec where Jupyter finds it, in the place of an older one of ours.

    Parameters
    ----------
    name : str
    settings : KernelSettings
    shown : str
        Display name.
    sys_prefix : bool, optional
        For this Python environment only, not for every Jupyter of the user.

    Raises
    ------
    UsageError
        It is no name.
    Conflict
        A kernelspec that is not ours has that name.
    PollyError
        It cannot be written.
    """
    from jupyter_client.kernelspec import KernelSpecManager

    check_name(name)
    manager = KernelSpecManager()
    root = Path(sys.prefix, "share", "jupyter", "kernels") if sys_prefix else Path(manager.user_kernel_dir)
    installed = root / name
    try:
        with tempfile.TemporaryDirectory() as directory:
            write_spec(Path(directory), settings, shown, installed)
            manager.install_kernel_spec(directory, name, user=not sys_prefix, prefix=sys.prefix if sys_prefix else None)
    except OSError as error:
        raise PollyError(
            f"The kernel cannot be written into {installed}: {error.strerror}.",
            "See who may write there: ls -ld; or say --sys-prefix for this Python environment only.",
        ) from error
    return Spec(name, shown, installed, settings)


def find_specs() -> list[Spec]:
    """Return the kernelspecs of ours, by name."""
    from jupyter_client.kernelspec import KernelSpecManager

    found = sorted(KernelSpecManager().find_kernel_specs().items())
    return [spec for name, directory in found if (spec := _read(name, Path(directory)))]


def get_spec(name: str) -> Spec:
    """Return a kernelspec of ours.

    Raises
    ------
    NotFound
        There is none of this name, or it is not ours.
    """
    specs = {spec.name: spec for spec in find_specs()}
    if name in specs:
        return specs[name]
    has = f"there is {', '.join(specs)}" if specs else "there is none yet"
    raise NotFound(f"No kernel of an image is called {name!r}; {has}.", "See %polly_dockers kernel list")


def remove_spec(spec: Spec) -> None:
    """Remove a kernelspec; kernels that run in it go on.

    Raises
    ------
    PollyError
        It cannot be removed.
    """
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        KernelSpecManager().remove_kernel_spec(spec.name)
    except (OSError, NoSuchKernel) as error:
        raise PollyError(f"The kernel {spec.name!r} cannot be removed: {error}.", "See who may write there.") from error


def _read(name: str, directory: Path) -> Spec | None:
    """Return None for a kernelspec that is not ours."""
    try:
        spec: object = json.loads((directory / _FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    match spec:
        case {"metadata": {"kernel_provisioner": {"provisioner_name": str() as provisioner}}}:
            if provisioner != PROVISIONER:
                return None
        case _:
            return None
    shown = str(cast("dict[str, object]", spec).get("display_name", name))
    try:
        settings = KernelSettings.from_spec(spec)
    except UsageError:
        settings = None
    return Spec(name, shown, directory, settings)


def _short(settings: KernelSettings) -> str:
    image = settings.reference
    return f"{image.name}@{short_digest(image.digest or '')}"
