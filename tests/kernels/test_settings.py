"""What a kernelspec can say of its container, and what it can't."""

from __future__ import annotations

from typing import Any

import pytest

from polly_magic.errors import UsageError
from polly_magic.kernels.settings import KernelSettings, split_mount

IMAGE = "localhost:5000/elucidata/16june@sha256:" + 64 * "5"


def test_come_back_from_a_kernelspec_as_they_went_in() -> None:
    settings = KernelSettings(
        IMAGE, "/opt/conda/bin/python", False, {"A": "1", "TOKEN": None}, ("/data:/data:ro",), "4g", 1.5, "all", "/home"
    )
    assert KernelSettings.from_config(settings.to_config()) == settings


def test_leave_out_what_was_not_asked_for() -> None:
    assert KernelSettings(IMAGE).to_config() == {"image": IMAGE, "python": "python3", "entry_point": True}
    assert KernelSettings.from_config({"image": IMAGE}) == KernelSettings(IMAGE)


def test_show_no_value_of_a_variable() -> None:
    assert "hidden" not in repr(KernelSettings(IMAGE, environment={"TOKEN": "hidden"}))


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"image": "localhost/elucidata/16june:latest"}, "names no image by host and digest"),
        ({"image": "16june@sha256:" + 64 * "5"}, "names no image by host and digest"),
        ({"environment": {"A-B": "1"}}, "'A-B' is no name of a variable"),
        ({"environment": {"": "1"}}, "'' is no name of a variable"),
        ({"mounts": ("data",)}, "'data' is no mount"),
        ({"memory": "lots"}, "'lots' is no amount of memory"),
        ({"memory": "0"}, "'0' is no amount of memory"),
        ({"cpus": 0.0}, "can't have 0.0 processors"),
        ({"cpus": -1.0}, "can't have -1.0 processors"),
        ({"cpus": float("nan")}, "can't have nan processors"),
        ({"cpus": float("inf")}, "can't have inf processors"),
        ({"gpus": "0"}, "'0' names no GPUs"),
        ({"gpus": "a,,b"}, "'a,,b' names no GPUs"),
    ],
)
def test_are_refused_where_they_make_no_sense(changed: dict[str, Any], problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        KernelSettings(**{"image": IMAGE} | changed)
    assert problem in caught.value.problem
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        (None, "names no image"),
        ("text", "names no image"),
        ({}, "names no image"),
        ({"image": 5}, "names no image"),
        ({"image": IMAGE, "privileged": True}, "asks for privileged, which this polly-magic does not know"),
        ({"image": IMAGE, "cpus": "two"}, "cannot be used"),
        ({"image": IMAGE, "environment": ["A"]}, "cannot be used"),
        ({"image": IMAGE, "mounts": 5}, "cannot be used"),
        ({"image": IMAGE, "memory": 5}, "cannot be used"),
    ],
)
def test_written_by_hand_say_what_is_wrong(config: object, problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        KernelSettings.from_config(config)
    assert problem in caught.value.problem
    assert "kernel install" in caught.value.remedy


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("/data:/data", ("/data", "/data", False)),
        ("/a b/c:d:/x", ("/a b/c:d", "/x", False)),
        ("/data:/x/ro:ro", ("/data", "/x/ro", True)),
        (r"C:\data:/data:ro", (r"C:\data", "/data", True)),
    ],
)
def test_a_mount_is_taken_apart(text: str, parts: tuple[str, str, bool]) -> None:
    assert split_mount(text) == parts


@pytest.mark.parametrize("text", ["", "/data", "data:/data", "/data:data", "/data:", "/data:/", ":/data", "/data:ro"])
def test_what_is_no_mount_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no mount"):
        split_mount(text)
