from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.front_end import Jupyter, Notebook, chromium, jupyter
from tests.local_service import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    outcome: Any = yield
    server = getattr(item, "funcargs", {}).get("server")
    if call.when in ("setup", "call") and call.excinfo and isinstance(server, Jupyter):
        for number, page in enumerate(server.pages):
            picture = server.root.parent / f"{item.name}-{number}.png"
            page.screenshot(path=picture)
            outcome.get_result().sections.append(("what the browser showed", str(picture)))


@pytest.fixture
def front_end(server: Jupyter) -> Iterator[Jupyter]:
    """JupyterLab and Notebook in turn."""
    yield server
    server.close()


@pytest.fixture
def open_panel(front_end: Jupyter) -> Callable[..., Notebook]:
    """Open the panel in a notebook whose kernel has the environment that is given."""

    def opened(variables: dict[str, str], name: str = "first", *more: str) -> Notebook:
        kept = {key: value for key, value in variables.items() if key.startswith(("POLLY_", "DOCKER_", "PYTHON_KEY"))}
        start = f"import os\nos.environ.update({kept!r})\n%load_ext polly_magic"
        notebook = front_end.notebook(name, start, "%polly_dockers", *more)
        notebook.run(2)
        return notebook

    return opened
