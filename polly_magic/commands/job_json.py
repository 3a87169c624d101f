"""``job-json``: the description of a job on Polly, for exactly one commit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polly_magic.commands.command import Command, Face
from polly_magic.commands.names import resolve_commit
from polly_magic.commands.result import Rows
from polly_magic.errors import PollyError

if TYPE_CHECKING:
    import argparse

    import pandas as pd
    from rich.console import RenderableType

__all__ = ["COMMAND", "Job"]


@dataclass(frozen=True)
class Job:
    """A job, which a notebook gets as a dict and a terminal as JSON."""

    description: dict[str, Any]
    columns = ("machineType", "image", "tag", "name", "command")

    def notebook(self) -> dict[str, Any]:
        """Return the description."""
        return self.description

    def frame(self) -> pd.DataFrame:
        """Return it as one row."""
        return Rows(self.columns, [[*self.records()[0].values()]]).frame()

    def records(self) -> list[dict[str, Any]]:
        """Return it as one row; ``command`` is None for what the image says."""
        return [{name: self.description.get(name) for name in self.columns}]

    def renderable(self) -> RenderableType:
        """Return it as Polly's own program reads it."""
        from rich.text import Text

        return Text(self.text())

    def text(self) -> str:
        """Return it as JSON."""
        return json.dumps(self.description, indent=2, ensure_ascii=False)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("reference", metavar="REF", help="such as 16june, 16june:latest or 16june@5747316")
    parser.add_argument("--machine", required=True, metavar="TYPE", help="machine type, such as gp or mi3xlarge")
    parser.add_argument("--name", required=True, metavar="JOB", help="name of the job")
    parser.add_argument("--out", metavar="FILE", help="write it into this file, which Polly's program takes")
    parser.usage = "%(prog)s REF --machine TYPE --name JOB [--out FILE] [--help] [--debug] [-- COMMAND ...]"
    parser.verbatim = "words"  # pyright: ignore[reportAttributeAccessIssue] - every parser here is a Parser


def _run(arguments: argparse.Namespace, face: Face) -> Job:
    from polly_magic.api import Client
    from polly_magic.pinning.jobs import job_description, validate_job

    validate_job(arguments.machine, arguments.name)
    with Client() as client:
        commit = resolve_commit(arguments.reference, client, note=face.note)
    job = Job(job_description(commit, arguments.machine, arguments.name, arguments.words))
    if arguments.out is not None:
        try:
            Path(arguments.out).write_text(f"{job.text()}\n", "utf-8")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise PollyError(
                f"{arguments.out!r} cannot be written: {reason}.", "Name another file: --out FILE"
            ) from error
        face.note(f"The job is in {arguments.out}.")
    elif not face.acts_at_once:
        face.put_cell(f"%%writefile job.json\n{job.text()}")
    return job


COMMAND = Command(
    name="job-json",
    summary="Describe a job on Polly that runs exactly one commit, as Polly's own program takes it.",
    example="job-json 16june:latest --machine gp --name fit -- python fit.py\n"
    "job-json 16june --machine gp --name fit --out job.json",
    add_arguments=_add_arguments,
    run=_run,
)
