"""A real Samba server for the tests, on loopback at a port of its own, which ends with the tests.

Its user is whoever runs the tests, with a password in a database of its own.
"""

import atexit
import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from tests.copies.processes import free_port, send, tree

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
PROGRAM = shutil.which("smbd", path=PATH)
WORD = "geheim 密码"
_OWN = ("private", "state", "cache", "lock", "pid", "ncalrpc", "share")
_SETTINGS = """[global]
server role = standalone server
smb ports = {port}
interfaces = lo 127.0.0.1/8
bind interfaces only = yes
disable netbios = yes
private dir = {folder}/private
state directory = {folder}/state
cache directory = {folder}/cache
lock directory = {folder}/lock
pid directory = {folder}/pid
ncalrpc dir = {folder}/ncalrpc
log file = {folder}/log
passdb backend = tdbsam:{folder}/private/passdb.tdb
load printers = no
disable spoolss = yes
map to guest = never
server min protocol = SMB2_10
strict sync = yes
{more}
[vault]
path = {folder}/share
read only = {read_only}
"""


@dataclass(eq=False)
class Smbd:
    """A server whose share "vault" is `folder/share`."""

    folder: Path
    port: int
    more: str = ""
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def share(self) -> Path:
        return self.folder / "share"

    @property
    def options(self) -> dict[str, str]:
        """What the settings of a copy there say."""
        return {"password_file": str(self.folder / "password")}

    def url(self, path: str, share: str = "vault") -> str:
        return f"smb://{getpass.getuser()}@127.0.0.1:{self.port}/{share}/{path}"

    def start(self, *, read_only: bool = False) -> None:
        told = "yes" if read_only else "no"
        settings = _SETTINGS.format(port=self.port, folder=self.folder, more=self.more, read_only=told)
        (self.folder / "smb.conf").write_text(settings)
        command = [str(PROGRAM), "-s", str(self.folder / "smb.conf"), "--foreground", "--no-process-group"]
        with (self.folder / "told").open("ab") as log:
            self.process = subprocess.Popen(command, start_new_session=True, stdout=log, stderr=log)
        self._wait_until_it_answers()

    def stop(self) -> None:
        """The server and every connection of it, at once."""
        if self.process is not None:
            for pid in tree(self.process.pid):
                send(pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def signal(self, number: int) -> None:
        assert self.process is not None
        for pid in tree(self.process.pid):
            send(pid, number)

    def _wait_until_it_answers(self) -> None:
        for _ in range(500):
            with socket.socket() as probe:
                probe.settimeout(1)
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError((self.folder / "told").read_text())


def needs_smbd() -> None:
    """Skips where there is none; in CI, where it must be, that is a failure."""
    if PROGRAM is None and os.environ.get("CI"):
        pytest.fail("smbd is not installed")
    if PROGRAM is None:
        pytest.skip("needs smbd: `make system-packages` installs what the tests drive")


def make(more: str = "") -> Smbd:
    """A server of one's own, to be stopped; it ends with this process at the latest."""
    needs_smbd()
    server = Smbd(Path(tempfile.mkdtemp(prefix="vaultd-smbd-")), free_port(), more)
    atexit.register(shutil.rmtree, server.folder, ignore_errors=True)
    atexit.register(server.stop)
    for name in _OWN:
        (server.folder / name).mkdir()
    (server.folder / "password").touch(0o600)
    (server.folder / "password").write_text(WORD + "\n")
    server.start()
    _let_in(server)
    return server


def _let_in(server: Smbd) -> None:
    words = ["smbpasswd", "-c", str(server.folder / "smb.conf"), "-s", "-a", getpass.getuser()]
    typed, environment = f"{WORD}\n{WORD}\n".encode(), os.environ | {"PATH": PATH}
    subprocess.run(words, input=typed, check=True, capture_output=True, env=environment)


@cache
def shared() -> Smbd:
    """One for each worker."""
    return make()
