"""What a kernelspec says of its container."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, cast

from polly_magic.errors import UsageError
from polly_magic.references import Reference, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PROVISIONER", "KernelSettings", "split_mount"]

PROVISIONER = "polly-container"
"""Name of the entry point, as kernelspecs have it."""

_AGAIN = "Install the kernel again: polly-dockers kernel install REF"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MEMORY = re.compile(r"[1-9][0-9]*[bkmg]?", re.IGNORECASE)
_GPUS = re.compile(r"all|[1-9][0-9]*|[0-9]+(?:,[0-9]+)+|[A-Za-z][\w-]*(?:,[A-Za-z][\w-]*)*")


@dataclass(frozen=True)
class KernelSettings:
    """The container of a kernel.

    Parameters
    ----------
    image : str
        Full path with the digest.
    python : str, optional
        The image's interpreter that has ipykernel.
    entry_point : bool, optional
        Whether the image's own entry point goes before it.
    environment : mapping, optional
        Variables of the kernel; None for the value that the variable has where Jupyter runs, so that no secret need
        stand in a kernelspec.
    mounts : sequence of str, optional
        ``SOURCE:TARGET``, or ``SOURCE:TARGET:ro``, besides the notebook's folder.
    memory : str, optional
        At most, such as ``4g``.
    cpus : float, optional
        At most.
    gpus : str, optional
        ``all``, how many, or their names or numbers with commas.
    folder : str, optional
        Stands at ``/work`` in place of the notebook's folder.

    Raises
    ------
    UsageError
        A value that makes no sense.
    """

    image: str
    python: str = "python3"
    entry_point: bool = True
    environment: Mapping[str, str | None] = field(default_factory=dict[str, "str | None"], repr=False)
    mounts: tuple[str, ...] = ()
    memory: str | None = None
    cpus: float | None = None
    gpus: str | None = None
    folder: str | None = None

    def __post_init__(self) -> None:
        if not self.reference.digest or not self.reference.host:
            raise UsageError(f"{self.image!r} names no image by host and digest.", "Write it as HOST/PATH@sha256:...")
        for name, value in self.environment.items():
            if not _NAME.fullmatch(name) or "\0" in (value or ""):
                raise UsageError(f"{name!r} is no name of a variable.", "Say --env NAME=VALUE, or --env NAME.")
        for mount in self.mounts:
            split_mount(mount)
        if self.memory is not None and not _MEMORY.fullmatch(self.memory):
            raise UsageError(f"{self.memory!r} is no amount of memory.", "Write it as 512m or 4g.")
        if self.cpus is not None and not 0 < self.cpus < float("inf"):
            raise UsageError(f"A kernel can't have {self.cpus} processors.", "Write a number such as 1.5.")
        if self.gpus is not None and not _GPUS.fullmatch(self.gpus):
            raise UsageError(f"{self.gpus!r} names no GPUs.", "Say all, a number, or names such as GPU-3a23,GPU-5c1b.")

    @property
    def reference(self) -> Reference:
        """The image."""
        return parse(self.image)

    def to_config(self) -> dict[str, Any]:
        """Return what stands in the kernelspec: what differs from the defaults.

        Examples
        --------
        >>> KernelSettings("localhost/elucidata/16june@sha256:" + 64 * "5", memory="4g").to_config()["memory"]
        '4g'
        """
        made = asdict(self) | {"environment": dict(self.environment), "mounts": [*self.mounts]}
        return {name: value for name, value in made.items() if value not in (None, [], {})}

    @classmethod
    def from_spec(cls, spec: object) -> KernelSettings:
        """Read them from what a ``kernel.json`` holds.

        Raises
        ------
        UsageError
            It cannot be read.
        """
        match spec:
            case {"metadata": {"kernel_provisioner": {"config": {"container": config}}}}:
                return cls.from_config(config)
            case _:
                return cls.from_config(None)

    @classmethod
    def from_config(cls, config: object) -> KernelSettings:
        """Read what `to_config` wrote, or somebody by hand.

        Raises
        ------
        UsageError
            It cannot be read.
        """
        known = {field.name for field in fields(cls)}
        match config:
            case {"image": str()}:
                values = cast("dict[str, Any]", config)
            case _:
                raise UsageError("The kernelspec names no image.", _AGAIN)
        if wrong := ", ".join(sorted(set(values) - known)):
            raise UsageError(f"The kernelspec asks for {wrong}, which this polly-magic does not know.", _AGAIN)
        try:
            return cls(**{**values, "mounts": tuple(values.get("mounts", ()))})  # pyright: ignore[reportArgumentType]
        except (TypeError, ValueError, AttributeError) as error:
            raise UsageError(f"The kernelspec cannot be used: {error}.", _AGAIN) from error


def split_mount(text: str) -> tuple[str, str, bool]:
    """Return source, target, and whether it is read-only.

    Raises
    ------
    UsageError
        It is not ``SOURCE:TARGET`` of absolute paths, perhaps with ``:ro``.

    Examples
    --------
    >>> split_mount("/data/reference:/reference:ro")
    ('/data/reference', '/reference', True)
    """
    rest, colon, last = text.rpartition(":")
    read_only = bool(colon) and last == "ro"
    source, colon, target = (rest if read_only else text).rpartition(":")
    if not (source.startswith("/") or re.match(r"[A-Za-z]:[\\/]", source)) or not re.fullmatch(r"/[^/].*", target):
        raise UsageError(f"{text!r} is no mount.", "Write it as /SOURCE:/TARGET, or /SOURCE:/TARGET:ro to look only.")
    return source, target, read_only
