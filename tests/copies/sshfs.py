"""A NAS as most people have one: a folder of another host (a real sshd) that is mounted here."""

import atexit
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.copies import sshd
from tests.copies.sshd import Sshd

# A host that does not answer is given up after two seconds.
_PATIENCE = "ServerAliveInterval=1,ServerAliveCountMax=2"


@dataclass(eq=False)
class Nas:
    """What `server` has in `server.root`, mounted at `path`."""

    server: Sshd
    path: Path

    def mount(self) -> None:
        key, known = self.server.options["key_file"], self.server.options["known_hosts"]
        told = f"IdentityFile={key},UserKnownHostsFile={known},port={self.server.port},{_PATIENCE}"
        words = ["sshfs", "-o", told, f"127.0.0.1:{self.server.root}", str(self.path)]
        subprocess.run(words, check=True, capture_output=True, timeout=60)

    def unmount(self) -> None:
        """At once, whoever uses it. Unmounting what is not mounted is not an error."""
        subprocess.run(["fusermount3", "-u", "-z", str(self.path)], capture_output=True, check=False)


def needs_sshfs() -> None:
    """Skips where there is none, or it may not mount; in CI, where it must, that is a failure."""
    missing = shutil.which("sshfs") is None or not os.access("/dev/fuse", os.R_OK | os.W_OK)
    if missing and os.environ.get("CI"):
        pytest.fail("sshfs is not installed, or /dev/fuse is not there")
    if missing:
        pytest.skip("needs sshfs and /dev/fuse: `make system-packages` installs what the tests drive")


def make(server: Sshd) -> Nas:
    """A mount of one's own, to be unmounted; it ends with this process at the latest."""
    needs_sshfs()
    nas = Nas(server, Path(tempfile.mkdtemp(prefix="vaultd-nas-")))
    atexit.register(shutil.rmtree, nas.path, ignore_errors=True)
    atexit.register(nas.unmount)
    nas.mount()
    return nas


@cache
def shared() -> Nas:
    """One for each worker."""
    return make(sshd.shared())
