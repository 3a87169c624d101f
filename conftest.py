"""Tests that need a program of the machine: left out with a reason where it is missing, failed in CI."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
import tempfile
import warnings
from collections import Counter
from functools import cache

import pytest

IN_CI = os.environ.get("CI", "").lower() not in ("", "0", "false")

# Alembic alone can import these.
collect_ignore_glob = ["polly_magic/service/migrations/*"]

_left_out: Counter[tuple[str, str]] = Counter()


def pytest_configure() -> None:
    # A shell's background job ignores Ctrl-C, and so would the programs started in it: tests interrupt some of them.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # What takes long comes last, so that an error shows early.
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker, missing in _MISSING.items():
        if item.get_closest_marker(marker) and (reason := missing()):
            if IN_CI:
                pytest.fail(f"needs {marker}, and {reason}: in CI nothing is left out", pytrace=False)
            _left_out[f"that need {marker}", reason] += 1
            pytest.skip(f"needs {marker}: {reason}")


def pytest_deselected(items: list[pytest.Item]) -> None:
    slow = sum(1 for item in items if item.get_closest_marker("slow"))
    if slow:
        _left_out["that are slow", "make test-slow runs them"] += slow


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _left_out:
        terminalreporter.section("left out")
        for (which, reason), count in sorted(_left_out.items()):
            terminalreporter.line(f"{count} tests {which}: {reason}")


@cache
def _no_engine() -> str:
    if not shutil.which("docker"):
        return "the docker program is not installed"
    import docker
    from docker.errors import DockerException

    client, reason = None, ""
    try:
        client = docker.from_env(timeout=10)
    except DockerException as error:
        reason = f"no Docker engine answers ({error})"
    if client is None:
        # The SDK never closes the socket that it could not connect: no test shall be blamed for it.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
        return reason
    try:
        client.ping()
    except (DockerException, OSError) as error:
        return f"no Docker engine answers ({error})"
    finally:
        client.close()
    return ""


@cache
def _no_program(name: str) -> str:
    return "" if shutil.which(name) else f"{name} is not installed"


@cache
def _no_mount() -> str:
    with tempfile.TemporaryDirectory() as directory:
        try:
            subprocess.run(["mount", "-t", "tmpfs", "tmpfs", directory], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            return "this user may not mount a small disk"
        subprocess.run(["umount", directory], check=True)
    return ""


_MISSING = {
    "engine": _no_engine,
    "skopeo": lambda: _no_program("skopeo"),
    "podman": lambda: _no_program("podman"),
    "registry": lambda: _no_program("docker-registry"),
    "mount": _no_mount,
    "browser": lambda: _no_program("chromium"),
}
