"""No secret is left anywhere: a session is run, and every file and every process of it is searched."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import nbformat
import psutil
import pytest
import requests
from nbclient import NotebookClient

from tests.local_service import ANNA, environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

# What our secrets look like: API keys, and what is signed (passwords and bearer tokens).
SHAPES = re.compile(rb"pk_[A-Za-z0-9_-]{20,}|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}")


@dataclass
class Witness:
    """Sees every command line that stands in the list of processes while it watches."""

    seen: set[bytes] = field(default_factory=set)
    _ended: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Witness:
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.is_set():
            for process in psutil.process_iter():
                with contextlib.suppress(psutil.Error):
                    self.seen.add("\0".join(process.cmdline()).encode())
            time.sleep(0.01)


def forms(secret: bytes) -> set[bytes]:
    """A secret as it is, and as it may be wrapped: base64 at each place in a longer text, hexadecimal."""
    wrapped = {secret, secret.hex().encode()}
    for before in range(3):
        # Without the ends, which depend on what stands around it.
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            wrapped.add(encode(bytes(before) + secret)[4 if before else 0 :].rstrip(b"=")[:-4])
    return wrapped


def leaks(text: bytes, secrets: dict[str, bytes]) -> set[str]:
    """Names of the secrets that a text holds, and whatever looks like one."""
    found = {name for name, secret in secrets.items() if any(form in text for form in forms(secret))}
    known = set(secrets.values())
    return found | {f"a text like {m[:12].decode()}..." for m in SHAPES.findall(text) if m not in known}


def leaking_files(directory: Path, secrets: dict[str, bytes]) -> dict[str, set[str]]:
    """Names of the secrets in each file below a directory that holds any. Layers are opaque, and not ours."""
    found = {
        path.relative_to(directory).as_posix(): leaks(path.read_bytes(), secrets)
        for path in directory.rglob("*")
        if path.is_file() and "blobs" not in path.parts
    }
    return {path: names for path, names in found.items() if names}


class Session:
    """Programs, run one after the other; what each said is kept in a file like everything else."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.variables = environment(home)
        self.outputs = home / "outputs"
        self.outputs.mkdir()
        self.history = home / "history.sqlite"
        self._count = 0

    def run(self, *command: str, stdin: str = "", ok: bool = True, **variables: str) -> None:
        self._count += 1
        done = subprocess.run(
            command, env=self.variables | variables, input=stdin.encode(), cwd=self.home, timeout=60, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        (self.outputs / f"{self._count:02}").write_bytes(done.stdout)
        assert (done.returncode == 0) == ok, f"{command}: {done.stdout.decode()}"

    def notebook(self, *sources: str, **variables: str) -> str:
        """Run cells in a kernel, errors and all; return the notebook as it is kept."""
        self._count += 1
        path = self.home / f"notebook-{self._count:02}.ipynb"
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
        client = NotebookClient(
            notebook,
            timeout=60,
            kernel_name="python3",
            allow_errors=True,
            resources={"metadata": {"path": self.home}},
            ipython_hist_file=str(self.history),
        )
        with pytest.MonkeyPatch.context() as patch:
            for name in set(os.environ) - set(self.variables):
                patch.delenv(name)
            for name, value in (self.variables | variables).items():
                patch.setenv(name, value)
            client.execute()
        nbformat.write(notebook, path)
        return path.read_text()


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    session = Session(tmp_path)
    yield session
    for state in [*tmp_path.glob("*/service.json"), *tmp_path.glob("polly/service/service.json")]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(json.loads(state.read_text())["pid"], signal.SIGTERM)


def _wait_for(path: Path) -> dict[str, str]:
    for _ in range(600):
        if path.exists():
            return json.loads(path.read_text())
        time.sleep(0.1)
    raise AssertionError(f"{path} does not appear")


def test_a_session_leaves_none_behind(session: Session) -> None:
    home, secrets = session.home, dict[str, bytes]()
    credentials, key_file = home / "polly/credentials.json", home / "ben.key"
    with Witness() as witness:
        # A service of one's own, logged in to from a notebook.
        said = session.notebook(
            "%load_ext polly_magic",
            "%logstart -o -r -t session.log append",
            f"%polly_dockers login --local --organization elucidata --email {ANNA} --print-command",
            "%polly_dockers create --name 17june --description 'Made in a notebook'",
            "!python -m polly_magic.sample",
            "%polly_dockers list --all",
            "%polly_dockers commit-list --name 16june --all --debug",
            "%polly_dockers commit-list --name 99june --all --debug",
            "%polly_dockers pull 16june",
            "%xmode Verbose",
            "from polly_magic.api import Client\nclient = Client()\nclient.login, vars(client.login)",
            "client.registry_token('pull', 600)",
            "client.registry_token('pull', 'soon')",
            "client.commits(5)",
            "%history -g",
        )
        assert "99june" in said
        assert "Traceback" in said
        [anna] = json.loads(credentials.read_text()).values()
        secrets["Anna's key"] = anna.encode()
        service = _wait_for(home / "polly/service/service.json")["url"]
        secrets["the signing key"] = (home / "polly/service/token.key").read_bytes()

        # What Docker would be given, and what it would be given for that.
        host = service.removeprefix("http://")
        given = subprocess.run(
            ["docker-credential-polly", "get"], env=session.variables, input=host.encode(), capture_output=True
        )
        password = json.loads(given.stdout)["Secret"]
        secrets["a password"] = password.encode()
        scope = {"scope": "repository:elucidata/16june:pull"}
        token = requests.get(f"{service}/token", params=scope, auth=("POLLY", password), timeout=10).json()["token"]
        secrets["a bearer token"] = token.encode()
        for wrong in ("99june", "16june"):
            requests.get(
                f"{service}/v2/elucidata/{wrong}/tags/list", headers={"Authorization": f"Bearer {token}x"}, timeout=9
            )
        session.run("bash", "-c", f"docker-credential-polly password {host} | cat > /dev/null")

        # Failures, in the terminal and with the key in the environment.
        session.run("polly-dockers", "commit-list", "--name", "99june", "--all", "--debug", ok=False)
        elsewhere = {"POLLY_SERVICE": "http://127.0.0.1:1", "POLLY_API_KEY": anna}
        session.run("polly-dockers", "list", "--all", "--debug", ok=False, **elsewhere)
        session.run("polly-dockers", "login", "--service", service, "--debug", ok=False, stdin=f"{anna}x\n")
        session.notebook("%load_ext polly_magic", "%polly_dockers list --debug", "%polly_dockers login", **elsewhere)

        # A service for several, which logs each request.
        accounts = ["polly-dockers", "accounts", "add", "ben@elucidata.io", "--organization", "elucidata"]
        session.run(*accounts, "--data", "shared", "--key-file", str(key_file), "--role", "admin")
        secrets["Ben's key"] = key_file.read_bytes().strip()
        with (session.outputs / "serve.log").open("wb") as log:
            serve = ["polly-dockers", "serve", "--data", "shared", "--log"]
            process = subprocess.Popen(serve, env=session.variables, cwd=home, stdout=log, stderr=log)
        shared = _wait_for(home / "shared/service.json")["url"]
        session.run("polly-dockers", "login", "--service", shared, stdin=key_file.read_text())
        session.run(sys.executable, "-m", "polly_magic.sample")
        session.run("polly-dockers", "list", "--all", "--json")
        # one who puts a key where it does not belong
        requests.get(f"{shared}/repositories?key={key_file.read_text().strip()}", timeout=9)
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        session.run("polly-dockers", "list", "--all", "--debug", ok=False)
        session.run("polly-dockers", "logout")

    assert b"GET /repositories" in (session.outputs / "serve.log").read_bytes()
    assert b"99june" in session.history.read_bytes(), "what was typed is kept there"
    assert any(b"polly_magic.service" in line for line in witness.seen)
    holders = {"polly/credentials.json", "ben.key", "polly/service/token.key", "shared/token.key"}
    found = leaking_files(home, secrets)
    assert set(found) <= holders, found
    for holder in holders:
        assert stat.S_IMODE((home / holder).stat().st_mode) == 0o600, holder
    assert [line for line in witness.seen if leaks(line, secrets)] == []


def test_a_planted_secret_is_found(tmp_path: Path) -> None:
    key = b"pk_" + base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=")
    secrets = {"the key": key}
    (tmp_path / "cell.ipynb").write_bytes(b'{"source": "key = \'' + key + b"'\"}")
    (tmp_path / "config.json").write_bytes(base64.b64encode(b"POLLY:" + key))
    (tmp_path / "log").write_bytes(b"nothing here")
    with contextlib.closing(sqlite3.connect(tmp_path / "history.sqlite")) as history:
        history.execute("create table history (source text)")
        history.execute("insert into history values (?)", [key.decode()])
        history.commit()
    assert leaking_files(tmp_path, secrets) == {
        name: {"the key"} for name in ("cell.ipynb", "config.json", "history.sqlite")
    }
    assert leaking_files(tmp_path, {}).keys() == {"cell.ipynb", "history.sqlite"}, "by its looks alone"
    with Witness() as witness:
        subprocess.run([sys.executable, "-c", "import time; time.sleep(1)", key.decode()], check=True)
    assert [line for line in witness.seen if leaks(line, secrets)]
