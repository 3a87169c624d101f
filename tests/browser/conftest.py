from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.front_end import Jupyter, chromium, jupyter
from tests.local_service import environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser


# Of a module and no longer: Playwright keeps an event loop running in this thread, which other tests cannot bear.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module", params=["lab", "notebook"])
def server(
    request: pytest.FixtureRequest, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Jupyter]:
    home = tmp_path_factory.mktemp(request.param)
    with jupyter(request.param, browser, environment(home), home / "notebooks") as running:
        yield running


@pytest.fixture
def front_end(server: Jupyter) -> Iterator[Jupyter]:
    """JupyterLab and Notebook in turn."""
    yield server
    server.close()
