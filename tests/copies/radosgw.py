"""A Ceph cluster of one machine, in memory, with its S3 gateway: the strict store of the tests.

Run as a program it serves until nobody holds the file `users` of its folder locked any more, so that even
tests that were killed leave nothing behind: `python radosgw.py DIR`. Everything is on loopback and below DIR.
"""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

ACCESS, SECRET = "vaultdtest", "secret-of-the-tests"
PROGRAMS = ("ceph", "ceph-mon", "ceph-osd", "radosgw", "radosgw-admin")
# One daemon of each kind, one copy of everything, nothing on disk, no name outside DIR.
_CONFIGURATION = """\
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{mon}]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
auth allow insecure global id reclaim = false
keyring = {here}/keyring
mon data = {here}/mon
osd data = {here}/osd
rgw data = {here}
run dir = {here}
crash dir = {here}
chdir =
log file = {here}/$name.log
admin socket = {here}/$name.asok
pid file = {here}/$name.pid
osd objectstore = memstore
memstore device bytes = 4294967296
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
mon data avail crit = 1
rgw frontends = beast endpoint=127.0.0.1:{gateway} tcp_nodelay=1
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


class Cluster:
    """The daemons, started one after the other by `start`; `stop` is quick, and leaves nothing to save."""

    def __init__(self, here: Path) -> None:
        self.here = here
        self.fsid = str(uuid.uuid4())
        self.mon, self.gateway = free_port(), free_port()
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        for folder in ("mon", "osd"):
            (self.here / folder).mkdir()
        fields = {"fsid": self.fsid, "here": self.here, "mon": self.mon, "gateway": self.gateway}
        (self.here / "ceph.conf").write_text(_CONFIGURATION.format(**fields))
        self._make_keys()
        at = f"[v2:127.0.0.1:{self.mon}]"
        self._run("monmaptool", "--create", "--fsid", self.fsid, "--addv", "a", at, str(self.here / "monmap"))
        mapped = ("--monmap", str(self.here / "monmap"), "--keyring", str(self.here / "keyring"))
        self._run("ceph-mon", "--mkfs", "-i", "a", *mapped)
        self._serve("ceph-mon", "-i", "a")
        self._run("ceph", "osd", "create")
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", self.fsid)
        self._serve("ceph-osd", "-i", "0")
        self._run("ceph", "osd", "crush", "add", "osd.0", "1.0", "root=default", "host=localhost")
        self._serve("radosgw", "-n", "client.rgw")
        self._wait()
        user = ("--uid=vaultd", "--display-name=vaultd", f"--access-key={ACCESS}", f"--secret-key={SECRET}")
        self._run("radosgw-admin", "user", "create", *user)

    def stop(self) -> None:
        for daemon in self.daemons.values():
            daemon.kill()  # an orderly end of radosgw takes two minutes
            daemon.wait()

    def _make_keys(self) -> None:
        keyring = str(self.here / "keyring")
        everything = ("--cap", "mon", "allow *", "--cap", "osd", "allow *")
        self._run("ceph-authtool", "--create-keyring", keyring, "--gen-key", "-n", "mon.", *everything[:3])
        for name in ("client.admin", "client.rgw", "osd.0"):
            self._run("ceph-authtool", keyring, "--gen-key", "-n", name, *everything)

    def _run(self, *command: str) -> None:
        tool = command[0] in ("ceph-authtool", "monmaptool")
        more = () if tool else ("-c", str(self.here / "ceph.conf"))
        done = subprocess.run([*command, *more], capture_output=True, timeout=120, check=False)
        if done.returncode:
            raise RuntimeError(f"{command}: {done.stderr.decode(errors='replace')}")

    def _serve(self, program: str, *options: str) -> None:
        with (self.here / f"{program}.out").open("wb") as output:
            command = [program, "-c", str(self.here / "ceph.conf"), *options, "-f"]
            self.daemons[program] = subprocess.Popen(command, stdout=output, stderr=output)

    def _wait(self) -> None:
        end = time.monotonic() + 120
        while time.monotonic() < end:
            with contextlib.suppress(OSError), urllib.request.urlopen(self.endpoint, timeout=5):
                return
            time.sleep(0.1)
        raise RuntimeError("radosgw does not answer")

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.gateway}"


def serve(here: Path) -> None:
    """Start, say so in the file `ready`, and stop when the last user has gone."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    cluster = Cluster(here)
    try:
        try:
            cluster.start()
            pids = {name: daemon.pid for name, daemon in cluster.daemons.items()}
            answer = {"endpoint": cluster.endpoint, "pids": pids}
        except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
            answer = {"error": str(error)}
        (here / "answer.new").write_text(json.dumps(answer))
        (here / "answer.new").rename(here / "answer")
        with (here / "users").open() as users:
            fcntl.flock(users, fcntl.LOCK_EX)
    finally:
        cluster.stop()
        shutil.rmtree(here, ignore_errors=True)


if __name__ == "__main__":
    os.umask(0o077)
    serve(Path(sys.argv[1]))
