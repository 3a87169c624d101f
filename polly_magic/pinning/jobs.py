"""The description of a job that Polly's own program takes, with its image by digest."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from polly_magic.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polly_magic.models import Commit

__all__ = ["MACHINES", "job_description", "validate_job"]

MACHINES = {
    "gp": "4 vCPU, 16 GB",
    "ci2xlarge": "16 vCPU, 32 GB",
    "ci3xlarge": "36 vCPU, 72 GB",
    "mi2xlarge": "4 vCPU, 32 GB",
    "mi3xlarge": "8 vCPU, 64 GB",
    "mi4xlarge": "16 vCPU, 122 GB",
    "mi5xlarge": "32 vCPU, 250 GB",
    "mi6xlarge": "64 vCPU, 500 GB",
    "mi7xlarge": "64 vCPU, 970 GB",
    "mix5xlarge": "16 vCPU, 512 GB",
    "mix6xlarge": "24 vCPU, 768 GB",
    "mix7xlarge": "64 vCPU, 1024 GB",
    "gpusmall": "4 vCPU, 16 GB, 1 GPU",
    "gpumedium": "32 vCPU, 240 GB, 4 GPU",
    "gpularge": "64 vCPU, 480 GB, 8 GPU",
    "gpuxlarge": "96 vCPU, 760 GB, 8 GPU",
}
"""Machine types that Polly's public documentation and its Python library name; Polly may have more."""


def job_description(commit: Commit, machine: str, name: str, command: Sequence[str]) -> dict[str, Any]:
    """Describe a job.

    Polly joins image and tag by a colon. ``PATH:TAG@DIGEST`` is a reference in which the digest decides; so the digest
    stands behind the tag, and the tag stays for the reader.

    Parameters
    ----------
    commit : Commit
    machine : str
        One of `MACHINES`.
    name : str
        Of the job.
    command : sequence of str
        Program and arguments; empty for what the image says.

    Raises
    ------
    UsageError
        No such machine, or no name.
    """
    validate_job(machine, name)
    described: dict[str, Any] = {
        "machineType": machine,
        "image": commit.repository,
        "tag": f"{commit.tag}@{commit.commit_hash}",
        "name": name,
    }
    return described | ({"command": [*command]} if command else {})


def validate_job(machine: str, name: str) -> None:
    """Raise `UsageError` where there is no such machine, or no name.

    Examples
    --------
    >>> validate_job("gpusmall", "fit")
    """
    if machine not in MACHINES:
        close = difflib.get_close_matches(machine.lower(), MACHINES, n=3, cutoff=0.6)
        meant = f" (did you mean {' or '.join(close)}?)" if close else ""
        raise UsageError(f"Polly is not known to have a machine {machine!r}{meant}.", f"Known: {', '.join(MACHINES)}")
    if not name.strip():
        raise UsageError("A job needs a name.", "Say one: --name NAME")
