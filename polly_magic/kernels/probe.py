"""How a kernel can be started in an image: which of its programs is a Python with ipykernel."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from polly_magic.errors import EngineFailure
from polly_magic.kernels.container import LABEL

if TYPE_CHECKING:
    from polly_magic.engine import Engine
    from polly_magic.references import Reference

__all__ = ["Interpreter", "find_python"]

_MARK = "polly-magic probe: "
_PATIENCE = 60.0
_NAMES = ("python3", "python")
# `init` is what the engine started: the interpreter itself, or a program that passes signals on to it.
_QUESTION = f"""
import json, os, platform, sys
try:
    from ipykernel import __version__ as kernel
except ImportError:
    kernel = None
try:
    init = open("/proc/1/comm").read().strip()
except IOError:
    init = ""
print({_MARK!r} + json.dumps({{
    "python": sys.executable, "version": platform.python_version(), "ipykernel": kernel,
    "init": "" if os.getpid() == 1 else init,
}}))
"""
_PASSING = ("", "tini", "dumb-init", "docker-init", "catatonit")
"""What may stand between the engine and the kernel: a shell, say, would keep an interruption for itself."""


@dataclass(frozen=True)
class Interpreter:
    """A Python of an image that kernels run in.

    Parameters
    ----------
    python : str
        Full path in the image.
    entry_point : bool
        Whether the image's entry point goes before it.
    version : str
        Of Python.
    ipykernel : str
        Version.
    """

    python: str
    entry_point: bool
    version: str
    ipykernel: str


def find_python(engine: Engine, image: Reference, python: str | None = None) -> Interpreter:
    """Start Python in the image, and ask it.

    Parameters
    ----------
    engine : Engine
    image : Reference
        With a digest, and on this machine.
    python : str, optional
        The one to take, where the image has several.

    Raises
    ------
    EngineFailure
        There is no Python, or none with ipykernel; with what to do.
    """
    without = ""
    for entry_point, name in product((True, False), (python,) if python else _NAMES):
        answer = _ask(engine, image, name, entry_point=entry_point)
        if answer is None or answer["init"] not in _PASSING:
            continue
        if answer["ipykernel"]:
            return Interpreter(answer["python"], entry_point, answer["version"], answer["ipykernel"])
        without = without or f"{answer['python']} ({answer['version']})"
    short = image.shortened()
    if without:
        raise EngineFailure(
            f"{short} has {without}, but no ipykernel: no notebook can run in it.",
            f"Add it with a line in its Dockerfile, RUN {without.partition(' ')[0]} -m pip install ipykernel, push the"
            " image, and install the kernel of that commit.",
        )
    raise EngineFailure(
        f"{short} has no {python or 'Python'} that starts: no notebook can run in it.",
        "Name the program with --python, or add Python and ipykernel to the image.",
    )


def _ask(engine: Engine, image: Reference, program: str, *, entry_point: bool) -> dict[str, str] | None:
    """Return what a program of the image says; None where it is no Python, or does not come to an end."""
    from polly_magic.engine import ContainerSettings

    settings = ContainerSettings([program, "-c", _QUESTION], (0, 0), entry_point, labels={LABEL: str(image)})
    try:
        container = engine.attach(image, f"polly-probe-{uuid.uuid4()}", settings)
    except EngineFailure as error:
        if error.exit_status not in (126, 127):
            raise
        return None
    try:
        container.wait(_PATIENCE)
    finally:
        container.close()
    for line in container.said.splitlines():
        if line.startswith(_MARK):
            return json.loads(line.removeprefix(_MARK))
    return None
