"""``login``: a key for a service, checked and kept, and Docker told where to ask for passwords."""

from __future__ import annotations

import os
import shutil
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from polly_magic.commands.command import Command, Face
from polly_magic.commands.embedded import enter
from polly_magic.docker_config import register_helper
from polly_magic.errors import NotLoggedIn, UsageError
from polly_magic.redaction import Secret
from polly_magic.settings import Login, Service, current_service, find_login, remember, service_at, service_data

if TYPE_CHECKING:
    import argparse

    from polly_magic.models import User

__all__ = ["COMMAND", "password_command"]

_HELPER = "docker-credential-polly"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        f"{parser.description or ''}\n\nThe API key is taken from POLLY_API_KEY, or asked for. It is kept in the\n"
        "system's keyring, and Docker gets short-lived passwords made with it."
    ).lstrip()
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--local", action="store_true", help="start the repository service of this machine, and use it")
    where.add_argument("--service", metavar="URL", help="log in to the service whose API is at this URL")
    parser.add_argument("--organization", metavar="NAME_OF_IT", help="with --local, the first time: your organisation")
    parser.add_argument("--email", metavar="ADDRESS", help="with --local, the first time: who you are")
    parser.add_argument(
        "--print-command",
        action="store_true",
        help="print the docker login for programs that cannot ask a credential helper",
    )


def _run(arguments: argparse.Namespace, face: Face) -> None:
    if not arguments.local and (arguments.organization or arguments.email):
        raise UsageError("--organization and --email are for login --local.", "Leave them out, or add --local.")
    service = current_service() if arguments.service is None else service_at(arguments.service)
    kept = find_login(service.registry) if arguments.print_command and not arguments.local else None
    if kept is None:
        service = _log_in(arguments, service, face)
    if arguments.print_command:
        face.write(password_command(service.registry) + "\n")


def _log_in(arguments: argparse.Namespace, service: Service, face: Face) -> Service:
    if arguments.local or (service.data and arguments.service is None):
        data = Path(service.data) if service.data else service_data()
        login = enter(data, face, organization=arguments.organization, email=arguments.email)
    else:
        login = _session(service) or Login(service, _key(service, face))
    user = _keep(login, face)
    if arguments.organization not in (None, user.organization) or arguments.email not in (None, user.email):
        face.note("--organization and --email count when the service starts for the first time; it had its users.")
    return login.service


def password_command(registry: str) -> str:
    """Return the shell's line that logs Docker in with a short-lived password, which passes through a pipe only."""
    return f"{_HELPER} password {registry} | docker login -u POLLY --password-stdin {registry}"


def _session(service: Service) -> Login | None:
    """Find the session that Polly's own notebooks carry in their environment: there is no key to ask for."""
    token = os.environ.get("POLLY_REFRESH_TOKEN", "").strip()
    login = find_login(service.registry) if token and not os.environ.get("POLLY_API_KEY", "").strip() else None
    return login if login and login.key == Secret(token) else None


def _key(service: Service, face: Face) -> Secret:
    text = os.environ.get("POLLY_API_KEY", "").strip()
    # Pasted keys bring white space along.
    key = Secret(text) if text else Secret(face.ask_secret(f"API key for {service.registry}: ").reveal().strip())
    if not key:
        raise NotLoggedIn(
            f"No key was given for {service.registry}.", "Run %polly_dockers login again, or set POLLY_API_KEY."
        )
    return key


def _keep(login: Login, face: Face) -> User:
    from polly_magic.api import Client

    # Asked before anything is kept: a wrong key leaves an older login as it was.
    with Client(login) as client:
        user = client.me()
    if _session(login.service) == login:
        kept = "The session of this notebook is used, and no key is kept."
    else:
        kept = f"The key is kept in {remember(Login(login.service, login.key, user))}."
    register_helper(login.service.registry)
    face.note(f"Logged in to {login.service.registry} as {user.email} ({user.role} of {user.organization}). {kept}")
    if shutil.which(_HELPER) is None:
        scripts = sysconfig.get_path("scripts")
        fix = f'export PATH="$PATH:{scripts}"' if Path(scripts, _HELPER).exists() else "pip install polly-magic"
        face.note(f"Docker will not find {_HELPER}, which is not on PATH, and so cannot pull or push. Run: {fix}")
    return user


COMMAND = Command(
    name="login",
    summary="Log in to Polly, to another repository service, or to one on this machine.",
    example="login\nlogin --local\nlogin --service https://dockers.example.org",
    add_arguments=_add_arguments,
    run=_run,
)
