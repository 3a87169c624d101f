"""The real service, two organisations and their users."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from polly_magic.service import accounts
from polly_magic.service.config import Config
from tests.service.running import ADMIN, MEMBER, STRANGER, Registry, RunningService

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def service(tmp_path: Path) -> Iterator[RunningService]:
    running = RunningService(Config(tmp_path / "data", organization="elucidata", email=ADMIN))
    running.start()
    try:
        running.keys[ADMIN] = running.database.write_now(
            lambda connection: accounts.issue_key(connection, accounts.find_user(connection, ADMIN)).reveal()
        )
        running.add_user(MEMBER, "elucidata", "member")
        running.add_user(STRANGER, "other", "member")
        yield running
    finally:
        running.stop()


@pytest.fixture
def registry(service: RunningService) -> Registry:
    """The repository elucidata/16june, as one of its organisation's members."""
    service.create("elucidata/16june")
    return Registry(service, "elucidata/16june")


@pytest.fixture
def open_registry(service: RunningService) -> Callable[..., Registry]:
    """Return another repository, created where it is new, as any user."""

    def open_one(path: str, user: str | None = MEMBER, *more_scopes: str, create: bool = True) -> Registry:
        if create:
            service.create(path)
        return Registry(service, path, user, *more_scopes)

    return open_one
