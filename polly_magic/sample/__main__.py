"""``python -m polly_magic.sample``: push the sample to the service that is logged in to."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from polly_magic.api import Client
from polly_magic.errors import PollyError
from polly_magic.redaction import Secret
from polly_magic.sample.organization import push_sample
from polly_magic.settings import Login

if TYPE_CHECKING:
    from collections.abc import Generator

_POLLY_DOCKERS = [sys.executable, "-m", "polly_magic"]


def main() -> int:
    """Push it, and say each push."""
    try:
        with ExitStack() as stack:
            client = stack.enter_context(Client())

            @cache
            def colleague() -> Client:
                return stack.enter_context(_colleague(client))

            # Whoever owns the service's directory can make a second account there.
            paths = push_sample(client, colleague if client.login.service.data else None, print)
    except PollyError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a program's output
        return error.exit_status
    print(f"The sample is there: {', '.join(paths)}")  # noqa: T201 - a program's output
    return 0


@contextmanager
def _colleague(client: Client) -> Generator[Client]:
    """Make an account for Ben, with a key for as long as this lasts."""
    service = client.login.service
    email = f"ben@{client.user.email.rpartition('@')[2]}"
    with TemporaryDirectory(prefix="polly-sample-") as directory:
        key = Path(directory, "ben.key")
        _accounts("add", email, "--organization", client.user.organization, "--key-file", str(key), data=service.data)
        try:
            with Client(Login(service, Secret(key.read_text().strip()))) as colleague:
                yield colleague
        finally:
            _accounts("revoke", email, data=service.data)


def _accounts(*words: str, data: str | None) -> None:
    command = [*_POLLY_DOCKERS, "accounts", *words, "--data", str(data)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        problem, _, remedy = done.stderr.strip().partition("\n")
        raise PollyError(problem, remedy)


if __name__ == "__main__":
    sys.exit(main())
