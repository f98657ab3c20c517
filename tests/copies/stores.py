"""Real object stores for the tests: a strict one (Ceph's radosgw) and a weak one (rclone's `serve s3`).

Both listen on loopback at ports of their own, in process groups of their own, and end with the tests however
those end. The strict one takes twelve seconds to start, so all workers of a run share it.
"""

import atexit
import fcntl
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.copies import radosgw as cluster
from tests.copies.radosgw import ACCESS, SECRET
from tests.copies.s3request import Hands

BUCKET = "vaults"


@dataclass(frozen=True)
class Store:
    """A running store with the bucket BUCKET; `pid` is the process that answers."""

    endpoint: str
    pid: int

    @property
    def hands(self) -> Hands:
        return Hands(self.endpoint, BUCKET)


def needs(*programs: str) -> None:
    """Skips the test where one of them is not installed; in CI, where all of them must be, it fails."""
    missing = [program for program in programs if find(program) is None]
    if missing and os.environ.get("CI"):
        pytest.fail(f"not installed: {missing}")
    if missing:
        pytest.skip(f"needs {', '.join(missing)}: `make system-packages setup` installs what the tests drive")


def find(program: str) -> str | None:
    beside = Path(sys.executable).parent / program
    return str(beside) if beside.exists() else shutil.which(program)


@cache
def strict() -> Store:
    """One cluster for all workers of this run, started by whoever comes first."""
    needs(*cluster.PROGRAMS)
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or secrets.token_hex(8)
    here = Path(tempfile.gettempdir(), f"vaultd-radosgw-{run[:16]}")
    here.mkdir(mode=0o700, exist_ok=True)
    users = (here / "users").open("w")
    fcntl.flock(users, fcntl.LOCK_SH)
    atexit.register(users.close)  # held to the end of this process, and let go by the system in any case
    with (here / "starting").open("w") as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)
        if not (here / "answer").exists():
            program = [sys.executable, cluster.__file__, str(here)]
            os.posix_spawn(sys.executable, program, os.environ, setsid=True)
        while not (here / "answer").exists():
            time.sleep(0.1)
        answer = json.loads((here / "answer").read_text())
        assert "error" not in answer, answer
        store = Store(answer["endpoint"], answer["pids"]["radosgw"])
        store.hands.make_bucket()
    return store


@cache
def weak() -> Store:
    """One for each worker."""
    store, folder = start_weak()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return store


def start_weak(port: int = 0, folder: str = "") -> tuple[Store, str]:
    """A store of one's own, to be killed or stopped; it ends with this process at the latest."""
    needs("rclone", "setpriv")
    folder = folder or tempfile.mkdtemp(prefix="vaultd-rclone-")
    Path(folder, BUCKET).mkdir(parents=True, exist_ok=True)
    port = port or cluster.free_port()
    options = ["--addr", f"127.0.0.1:{port}", "--auth-key", f"{ACCESS},{SECRET}", "--config", os.devnull]
    # The kernel ends it if these tests are killed.
    command = ["setpriv", "--pdeathsig", "KILL", str(find("rclone")), "serve", "s3", *options, folder]
    log = Path(folder).with_suffix(".log")
    with log.open("wb") as output:
        process = subprocess.Popen(command, start_new_session=True, stdout=output, stderr=output)
    atexit.register(_end, process, log)
    store = Store(f"http://127.0.0.1:{port}", process.pid)
    for _ in range(200):
        try:
            store.hands.keys()
            break
        except OSError:
            time.sleep(0.05)
    return store, folder


def _end(process: "subprocess.Popen[bytes]", log: Path) -> None:
    process.kill()
    process.wait()
    log.unlink(missing_ok=True)
