"""``logout``: whatever ``login`` did, undone."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from polly_magic.commands.command import Command, Face
from polly_magic.commands.embedded import leave
from polly_magic.docker_config import has_password, helped_registries, unregister_helper
from polly_magic.settings import current_service, find_login, forget

if TYPE_CHECKING:
    import argparse

__all__ = ["COMMAND"]


def _add_arguments(_parser: argparse.ArgumentParser) -> None: ...


def _run(_arguments: argparse.Namespace, face: Face) -> None:
    service = current_service()
    if service.data:
        leave(service, face)
    # The key goes first: should Docker's file be broken, no key is left behind, and a second try finds the rest below.
    was_logged_in = forget(service)
    registered = unregister_helper(service.registry)
    for registry in helped_registries():
        if find_login(registry) is None:  # what an interrupted logout left
            registered = unregister_helper(registry) or registered
    if was_logged_in or registered:
        face.note(f"Logged out of {service.registry}.")
    else:
        face.note(f"There was no login to {service.registry}.")
    if has_password(service.registry):
        face.note(f"Docker keeps a login of its own. Remove it with: docker logout {service.registry}")
    for variable in ("POLLY_API_KEY", "POLLY_REFRESH_TOKEN"):
        if os.environ.get(variable, "").strip():
            face.note(f"{variable} is still set in the environment, and goes on being used.")


COMMAND = Command(
    name="logout",
    summary="Forget the key, and stop giving Docker passwords.",
    example="logout",
    add_arguments=_add_arguments,
    run=_run,
)
