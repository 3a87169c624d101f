"""A kernel in a container of the real engine, started as Jupyter starts it."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import docker
import pytest

from polly_magic.engine import Engine
from polly_magic.errors import EngineFailure, UsageError
from polly_magic.kernels.container import PORTS
from tests.kernel_images import BY_MEDIAN, BY_SUM, COUNTS
from tests.kernels.conftest import inspected

if TYPE_CHECKING:
    from collections.abc import Callable

    from polly_magic.kernels.settings import KernelSettings
    from tests.kernel_images import KernelImages
    from tests.kernels.conftest import Start

    Containers = Callable[[], list[str]]

pytestmark = [pytest.mark.engine, pytest.mark.timeout(240)]


def test_is_the_image_that_was_asked_for(start: Start, kernel_images: KernelImages, containers: Containers) -> None:
    look = f"import assay, os, sys; (sys.prefix, os.getcwd(), assay.normalise({COUNTS}))"
    with start() as (kernel, _):
        assert kernel.run(look).result["text/plain"] == repr(("/usr/local", "/work", BY_SUM))
        said = kernel.run(f"%load_ext polly_magic\n%polly_dockers require {kernel_images.at(kernel_images.inactive)}")
        assert said.error == ""
        assert said.stdout == f"This kernel runs in kernel@{kernel_images.inactive[7:14]}, as the notebook needs.\n"
        refused = kernel.run(f"%polly_dockers require {kernel_images.at(kernel_images.active)}")
        assert refused.error == "WrongEnvironment"
        assert "kernel install" in refused.traceback[1]
        unable = kernel.run("%polly_dockers list --all")
        assert unable.error == "PollyError"
        assert unable.traceback[0] == "PollyError: This environment has no requests, which %polly_dockers list needs."
    with start(image=kernel_images.at(kernel_images.active)) as (kernel, _):
        assert kernel.run(look).result["text/plain"] == repr(("/usr/local", "/work", BY_MEDIAN))
    assert containers() == []


def test_shares_the_notebooks_folder_and_what_was_mounted_and_no_more(start: Start, tmp_path: Path) -> None:
    reference = tmp_path / "reference"
    reference.mkdir()
    (reference / "genome").write_text("ACGT")
    with start(mounts=(f"{reference}:/reference:ro", f"{tmp_path}/data:/kept")) as (kernel, _):
        assert kernel.run("open('/reference/genome').read()").result["text/plain"] == "'ACGT'"
        assert "Read-only" in "".join(kernel.run("open('/reference/more', 'w')").traceback)
        kernel.run("open('/kept/more', 'w').write('1'); open('result.csv', 'w').write('a,b')")
        assert kernel.run(f"import os; os.path.exists({str(tmp_path)!r})").result["text/plain"] == "False"
    assert (tmp_path / "data" / "more").read_text() == "1"
    assert (tmp_path / "folder" / "result.csv").read_text() == "a,b"


def test_is_handed_its_variables_and_none_of_the_machines(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_MACHINE", "1")
    monkeypatch.setenv("TOKEN", "from outside")
    with start(environment={"PROJECT": "june 16", "TOKEN": None}) as (kernel, manager):
        assert kernel.run("import os; os.environ['PROJECT'], os.environ['TOKEN']").result["text/plain"] == repr(
            ("june 16", "from outside")
        )
        assert (
            kernel.run("[name for name in os.environ if name.startswith(('SECRET', 'JPY_', 'JUPYTER'))]").result[
                "text/plain"
            ]
            == "[]"
        )
        spec = manager.kernel_spec
        assert spec is not None
        assert "from outside" not in Path(spec.resource_dir, "kernel.json").read_text()


def test_a_variable_that_is_not_there_is_named(start: Start, containers: Containers) -> None:
    with pytest.raises(UsageError, match="handed NOWHERE, which is not set"), start(environment={"NOWHERE": None}):
        pass
    assert containers() == []


def test_keeps_within_what_it_was_given(start: Start, containers: Containers) -> None:
    with start(memory="300m", cpus=0.5) as (kernel, _):
        host = inspected(containers()[0])["HostConfig"]
        assert (host["Memory"], host["NanoCpus"]) == (300 * 2**20, 500_000_000)
        # One mebibyte after another, until the kernel is ended.
        lost = kernel.client.execute("kept = [bytearray(b'x' * 2**20) for _ in range(2000)]")
        assert lost
        deadline = time.monotonic() + 60
        while containers() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert containers() == []


def test_is_reached_by_the_loopback_only_and_its_key_is_in_no_argument(start: Start, containers: Containers) -> None:
    with start() as (_, manager):
        connection = json.loads(Path(manager.connection_file).read_text())
        container = inspected(containers()[0])
        bindings = container["HostConfig"]["PortBindings"]
        assert sorted(bindings) == sorted(f"{connection[port]}/tcp" for port in PORTS)
        assert {(one["HostIp"], int(one["HostPort"])) for (one,) in bindings.values()} == {
            ("127.0.0.1", connection[port]) for port in PORTS
        }
        assert connection["key"] not in json.dumps(container)
        addresses = [found[4][0] for found in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)]
        for address in {str(address) for address in addresses} - {"127.0.0.1", "127.0.1.1"}:
            with pytest.raises(OSError, match="refused"):
                socket.create_connection((address, connection["shell_port"]), 5)


def test_an_interruption_reaches_it_and_what_it_started(start: Start) -> None:
    with start() as (kernel, manager):
        sleeping = "import subprocess, time\nprint('started', flush=True)\nsubprocess.run(['sleep', '100'])"
        begun = time.monotonic()
        assert kernel.run(sleeping, interrupt=manager).error == "KeyboardInterrupt"
        assert time.monotonic() - begun < 50
        left = kernel.run(
            "import glob\n[one for one in glob.glob('/proc/[0-9]*/cmdline') if b'100' in open(one, 'rb').read()]"
        )
        assert left.result["text/plain"] == "[]"


def test_a_restart_is_a_new_container_at_the_same_ports(start: Start, containers: Containers) -> None:
    with start() as (kernel, manager):
        ports = [getattr(manager, port) for port in PORTS]
        first = inspected(containers()[0])["Id"]
        kernel.run("kept = 1")
        manager.restart_kernel()
        kernel.client.wait_for_ready(timeout=60)
        assert kernel.run("kept").error == "NameError"
        assert inspected(containers()[0])["Id"] != first
        assert [getattr(manager, port) for port in PORTS] == ports
        manager.restart_kernel(now=True)
        kernel.client.wait_for_ready(timeout=60)
        assert kernel.run("1 + 1").result["text/plain"] == "2"
        assert len(containers()) == 1


def test_an_end_of_its_own_is_seen_and_said(
    start: Start, caplog: pytest.LogCaptureFixture, containers: Containers
) -> None:
    with start() as (kernel, manager), caplog.at_level(logging.ERROR):
        assert manager.is_alive()
        kernel.client.execute(f"import os; os.kill(os.getpid(), {signal.SIGSEGV.value})")
        deadline = time.monotonic() + 30
        while manager.is_alive() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not manager.is_alive()
        assert containers() == []
    said = [record.getMessage() for record in caplog.records if "container ended" in record.getMessage()]
    assert len(said) == 1
    assert f"exit code {128 + signal.SIGSEGV}" in said[0]


def test_without_its_image_it_fails_at_once_with_the_command_to_run(start: Start, settings: KernelSettings) -> None:
    absent = settings.image[:-64] + 64 * "0"
    short = f"{settings.reference.repository}@0000000"
    begun = time.monotonic()
    with pytest.raises(EngineFailure) as caught, start(image=absent):
        pass
    assert time.monotonic() - begun < 5
    assert caught.value.problem == f"{short} is not on this machine."
    assert caught.value.remedy == f"Pull it: polly-dockers pull {short}"


def test_what_the_engine_cannot_give_is_said(start: Start, tmp_path: Path, containers: Containers) -> None:
    for changed, problem in (
        ({"gpus": "all"}, "has no such GPU"),
        ({"mounts": (f"{tmp_path}/missing:/missing",)}, "is not on the Docker engine's machine"),
        ({"cpus": 4096.0}, "this much memory or processor"),
        ({"python": "/nowhere/python3", "entry_point": False}, "'/nowhere/python3' is not in"),
    ):
        with pytest.raises(EngineFailure) as caught, start(**changed):
            pass
        assert problem in caught.value.problem
        assert containers() == []


def test_an_engine_of_another_machine_is_refused(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polly_magic.engine.engine.is_local", lambda _: False)
    with pytest.raises(EngineFailure, match="on another machine"), start():
        pass


def test_an_engine_without_roots_rights_has_this_user_as_its_root(
    settings: KernelSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Engine() as engine:
        assert engine.this_user() == (os.getuid(), os.getgid())
        monkeypatch.setattr(docker.APIClient, "info", lambda _: {"SecurityOptions": ["name=seccomp", "name=rootless"]})
        assert engine.this_user() == (0, 0)


_AS_A_USER = """
import os, sys
from pathlib import Path
from tests.kernel import kernel
with kernel(dict(os.environ), "pinned", Path(sys.argv[1])) as (running, _):
    print(running.run("import os, getpass; (os.getuid(), os.getgid(), getpass.getuser())").result["text/plain"])
    print(running.run("open('mine', 'w').write('1'), open(os.path.expanduser('~/x'), 'w').write('1')").result)
    print(running.run("open('/.polly-magic/connection.json').read()[:1]").result["text/plain"])
"""


def test_runs_as_whoever_started_it(start: Start, jupyter_home: Path) -> None:
    with start() as (kernel, _):
        assert kernel.run("import os; (os.getuid(), os.getgid())").result["text/plain"] == repr(
            (os.getuid(), os.getgid())
        )
    if os.getuid() != 0:
        return
    # As root it can be tried as somebody else, too, who may use the engine.
    somebody, engines = 1234, Path("/var/run/docker.sock").stat().st_gid
    for place in [jupyter_home, *jupyter_home.rglob("*")]:
        os.chown(place, somebody, somebody)
    above = [place for place in jupyter_home.parents if place != Path("/tmp") and "pytest" in str(place)]
    modes = {place: place.stat().st_mode for place in above}
    try:
        for place in above:
            place.chmod(0o755)
        done = subprocess.run(
            # Reading is still allowed: this Python may lie in root's own directory.
            ["setpriv", f"--reuid={somebody}", f"--regid={somebody}", f"--groups={engines}",
             "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search",
             sys.executable, "-c", _AS_A_USER, str(jupyter_home / "folder")],
            env=os.environ | {"HOME": str(jupyter_home), "LOGNAME": "somebody", "IPYTHONDIR": str(jupyter_home)},
            cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip
    finally:
        for place, mode in modes.items():
            place.chmod(mode)
    assert done.stdout.splitlines() == [f"({somebody}, {somebody}, 'somebody')", "{'text/plain': '(1, 1)'}", "'{'"], (
        done.stderr
    )
    written = (jupyter_home / "folder" / "mine").stat()
    assert (written.st_uid, written.st_gid) == (somebody, somebody)
