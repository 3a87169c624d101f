"""``kernel``: kernels that run inside one commit of an image."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from polly_magic.commands.command import Command, Face
from polly_magic.commands.names import resolve_commit
from polly_magic.commands.pull import see_to_image
from polly_magic.commands.result import Rows
from polly_magic.errors import PollyError, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from polly_magic.kernels.specs import Spec

__all__ = ["COMMAND"]

_INSTALLED = ("name", "display_name", "image", "python", "ipykernel", "directory")
_LISTED = ("name", "display_name", "image", "on_this_machine", "directory")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("install", "list", "remove"), help="what to do")
    parser.add_argument("words", metavar="REF|KERNEL", nargs="*", help="install: the image; remove: names of kernels")
    parser.add_argument("--name", metavar="N", help="install: name of the kernel, such as polly-16june-5747316")
    parser.add_argument("--display-name", metavar="TEXT", help="install: what launchers show")
    parser.add_argument(
        "--env", metavar="NAME[=VALUE]", action="append", default=[],
        help="install: a variable for the kernel; without a value, that of where Jupyter runs",
    )  # fmt: skip
    parser.add_argument(
        "--mount", metavar="SOURCE:TARGET[:ro]", action="append", default=[],
        help="install: a directory for the kernel besides the notebook's, which is /work",
    )  # fmt: skip
    parser.add_argument("--memory", metavar="SIZE", help="install: at most, such as 4g")
    parser.add_argument("--cpus", metavar="N", type=float, help="install: at most, such as 1.5")
    parser.add_argument("--gpus", metavar="WHICH", help="install: all, how many, or their names with commas")
    parser.add_argument("--python", metavar="PATH", help="install: the image's interpreter, where it has several")
    parser.add_argument(
        "--sys-prefix", action="store_true", help="install: for this Python environment, not for all of yours"
    )
    parser.usage = "%(prog)s install REF [options] | list | remove KERNEL ... [--help] [--debug]"


def _run(arguments: argparse.Namespace, face: Face) -> Rows:
    words: list[str] = arguments.words
    if arguments.action == "list":
        if words:
            raise UsageError(f"kernel list takes no {words[0]!r}.", "See kernel --help")
        return _list()
    if arguments.action == "remove":
        if not words:
            raise UsageError("Which kernel?", "Name it as kernel list does: kernel remove KERNEL")
        return _remove(words, face)
    if len(words) != 1:
        raise UsageError("kernel install takes one image.", "Name it: kernel install 16june:latest")
    return _install(words[0], arguments, face)


def _install(reference: str, arguments: argparse.Namespace, face: Face) -> Rows:
    from polly_magic.api import Client
    from polly_magic.engine import Engine
    from polly_magic.kernels.probe import find_python
    from polly_magic.kernels.settings import KernelSettings
    from polly_magic.kernels.specs import check_name, display_name, install_spec, kernel_name

    with Client() as client:
        commit = resolve_commit(reference, client, note=face.note)
    # Before anything is pulled: whether all of it makes sense.
    asked = KernelSettings(
        f"{commit.repository}@{commit.commit_hash}",
        environment=_variables(arguments.env),
        mounts=tuple(arguments.mount),
        memory=arguments.memory,
        cpus=arguments.cpus,
        gpus=arguments.gpus,
    )
    name = arguments.name or kernel_name(asked)
    check_name(name)
    with Engine() as engine:
        see_to_image(asked.reference, engine, face)
        found = find_python(engine, asked.reference, arguments.python)
    settings = replace(asked, python=found.python, entry_point=found.entry_point)
    shown = arguments.display_name or display_name(settings)
    spec = install_spec(name, settings, shown, sys_prefix=arguments.sys_prefix)
    face.note(
        f"{shown!r} is among the kernels of a notebook once its page is loaded again; "
        f"in a terminal: jupyter console --kernel {spec.name}"
    )
    return Rows(_INSTALLED, [[spec.name, shown, settings.image, found.version, found.ipykernel, str(spec.directory)]])


def _list() -> Rows:
    from polly_magic.kernels.specs import find_specs

    specs = find_specs()
    held = _held(specs)
    return Rows(
        _LISTED,
        [[s.name, s.display_name, s.settings and s.settings.image, held.get(s.name), str(s.directory)] for s in specs],
    )


def _held(specs: Sequence[Spec]) -> Mapping[str, bool]:
    """Tell for each kernel whether its image is on this machine; nothing where no engine can be asked."""
    from polly_magic.engine import Engine

    try:
        with Engine() as engine:
            return {s.name: engine.find(s.settings.reference) is not None for s in specs if s.settings}
    except PollyError:
        return {}


def _remove(names: Sequence[str], face: Face) -> Rows:
    from polly_magic.kernels.specs import get_spec, remove_spec

    # All of them, before one is removed: a wrong name changes nothing.
    removed = [get_spec(name) for name in dict.fromkeys(names)]
    for spec in removed:
        remove_spec(spec)
    face.note(f"Removed {', '.join(spec.name for spec in removed)}; the images stay.")
    return Rows(("name", "display_name", "directory"), [[s.name, s.display_name, str(s.directory)] for s in removed])


def _variables(words: Sequence[str]) -> dict[str, str | None]:
    made: dict[str, str | None] = {}
    for word in words:
        name, equals, value = word.partition("=")
        made[name] = value if equals else None
    return made


COMMAND = Command(
    name="kernel",
    summary="Make a kernel for notebooks that runs inside one commit of an image, by digest.",
    example=(
        "kernel install 16june@5747316\n"
        "kernel install 16june:latest --name june --memory 8g --mount /data/reference:/reference:ro\n"
        "kernel list\n"
        "kernel remove june"
    ),
    add_arguments=_add_arguments,
    run=_run,
)
