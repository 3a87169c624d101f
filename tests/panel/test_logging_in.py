"""The login form: when nobody is logged in, and when a session is lost."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ipywidgets.widgets.widget import _instances

from polly_magic import Panel
from polly_magic.api import Client
from polly_magic.keystore import keep_key
from polly_magic.redaction import Secret
from polly_magic.service.local import ensure_running, issue_local_key, revoke, stop
from polly_magic.settings import current_login, home
from tests.local_service import environment, logged_in
from tests.panel.driving import choose, is_shown, names, opened, said, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.anna import Anna


def give(panel: Panel, key: Secret) -> None:
    """Do what the browser does when somebody submits the field."""
    panel.login.field._handle_custom_msg({"kind": "secret", "text": key.reveal()}, [])


def states() -> str:
    """Everything that front ends know of all widgets, and may save."""
    return json.dumps([widget.get_state() for widget in _instances.values()], default=str)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A service of the test's own, with Anna logged in to it: the directory of its data."""
    with logged_in(tmp_path):
        for name, value in environment(tmp_path).items():
            monkeypatch.setenv(name, value)
        yield tmp_path / "polly" / "service"


def test_key_that_is_typed_logs_in_and_stays_nowhere(
    anna: Anna, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = anna.create()
    data = Path(anna.variables["POLLY_MAGIC_HOME"], "service")
    key = issue_local_key(data)
    monkeypatch.setenv("POLLY_MAGIC_HOME", str(tmp_path / "nobody"))
    monkeypatch.setenv("POLLY_SERVICE", f"http://{anna.registry}")

    async def use() -> None:
        panel = Panel()
        await until(lambda: is_shown(panel.login))
        assert not is_shown(panel._choice)
        assert panel.login.field.label == f"API key for {anna.registry}"
        assert said(panel.login.notice) == []
        give(panel, key)
        assert said(panel.login.notice) == ["Logging in ..."]
        assert panel.login.field.disabled
        await until(lambda: name in names(panel))
        assert not is_shown(panel.login)
        assert is_shown(panel._choice)
        assert key.reveal() not in states()
        assert key.reveal() not in json.dumps(panel._repr_mimebundle_())
        assert key.reveal() not in repr(vars(panel.login))

    asyncio.run(use())
    assert current_login().key == key


def test_wrong_key_is_told_and_can_be_tried_again(anna: Anna, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLLY_MAGIC_HOME", str(tmp_path / "nobody"))
    monkeypatch.setenv("POLLY_SERVICE", f"http://{anna.registry}")

    async def use() -> None:
        panel = Panel()
        await until(lambda: is_shown(panel.login))
        for text, problem in (("pk_wrong-wrong-wrong", "does not accept the key"), ("", "No key was given.")):
            give(panel, Secret(text))
            await until(lambda: not panel.login.field.disabled)
            assert problem in said(panel.login.notice)[0]
            assert is_shown(panel.login)

    asyncio.run(use())


def test_lost_session_brings_the_form_and_after_it_the_view_as_before(
    anna: Anna, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = anna.create()
    digest = anna.push(name, "latest", "1")
    data = Path(anna.variables["POLLY_MAGIC_HOME"], "service")
    monkeypatch.setenv("POLLY_MAGIC_HOME", str(tmp_path / "other"))
    monkeypatch.setenv("POLLY_SERVICE", f"http://{anna.registry}")
    home().mkdir(parents=True)
    key = issue_local_key(data)
    keep_key(f"http://{anna.registry}", key, home() / "credentials.json")

    async def use() -> None:
        panel = Panel()
        await opened(panel, name)
        choose(panel, digest)
        await until(lambda: not panel._reading.busy)
        panel.commits.grid.filters = {"tag": "latest"}
        reference = panel.reference
        assert revoke(data, key)
        panel.refresh()
        await until(lambda: is_shown(panel.login))
        assert "does not accept the key" in said(panel.login.notice)[0]
        assert panel.reference == reference
        give(panel, issue_local_key(data))
        await until(lambda: is_shown(panel._choice) and panel.client and not panel._history.busy)
        await until(lambda: not panel._reading.busy)
        assert not is_shown(panel.login)
        assert panel.reference == reference
        assert panel.commits.grid.filters == {"tag": "latest"}
        assert said(panel.details.notice) == []
        assert panel.actions._client is panel.client, "not the one whose session is lost"

    asyncio.run(use())


def test_stopped_service_is_an_error_and_retry_finds_it_again(own: Path) -> None:
    with Client() as client:
        client.create("elucidata/kept", description="")

    async def use() -> None:
        panel = Panel()
        await until(lambda: names(panel) == ["kept"])
        stop(own)
        panel.refresh()
        await until(lambda: panel.repositories.notice.retry)
        assert "does not answer" in said(panel.repositories.notice)[0]
        assert said(panel.repositories.notice)[1] == "Start it with: polly-dockers login --local"
        assert names(panel) == ["kept"], "what was there stays in view"
        ensure_running(own)
        panel.repositories.notice._retry.click()
        await until(lambda: not panel._listing.busy)
        assert said(panel.repositories.notice) == []
        assert names(panel) == ["kept"]

    asyncio.run(use())


def test_log_out_forgets_and_the_service_of_this_machine_takes_one_click(own: Path) -> None:
    with Client() as client:
        client.create("elucidata/kept", description="")

    async def use() -> None:
        panel = Panel()
        await until(lambda: names(panel) == ["kept"])
        panel._log_out_button.click()
        await until(lambda: is_shown(panel.login))
        assert "Logged out of 127.0.0.1" in " ".join(said(panel.login.notice))
        assert names(panel) == []
        assert not (home() / "credentials.json").exists() or "pk_" not in (home() / "credentials.json").read_text()
        panel.login.local.click()
        await until(lambda: names(panel) == ["kept"])
        assert is_shown(panel._choice)

    asyncio.run(use())
