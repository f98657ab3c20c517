"""A real OpenSSH server for the tests, on loopback at a port of its own, which ends with the tests.

It runs in a process group of its own, as whoever runs the tests, for keys that are made for it.
"""

import atexit
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

# sshd wants to be called by its whole path, and is in no user's.
PROGRAM = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
_PLAIN = ("UsePAM no", "UseDNS no", "StrictModes no", "PermitRootLogin prohibit-password", "MaxStartups 100")
_NO_PASSWORDS = ("PasswordAuthentication no", "KbdInteractiveAuthentication no")


@dataclass(eq=False)
class Sshd:
    """A server over `folder`, whose files are in `folder/root`. `sftp` are words for its SFTP part."""

    folder: Path
    port: int
    sftp: str = ""
    more: tuple[str, ...] = ()
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def root(self) -> Path:
        return self.folder / "root"

    @property
    def options(self) -> dict[str, str]:
        """What the settings of a copy there say."""
        return {"key_file": str(self.folder / "id"), "known_hosts": str(self.folder / "known_hosts")}

    def url(self, path: Path | str) -> str:
        return f"sftp://127.0.0.1:{self.port}{path}"

    def make_host_key(self, kind: str = "ed25519") -> None:
        """A new one, which nobody knows until `introduce`."""
        (self.folder / "hostkey").unlink(missing_ok=True)
        _keygen(self.folder / "hostkey", kind)

    def introduce(self) -> None:
        """Write the host's key where it is looked for."""
        key = " ".join((self.folder / "hostkey.pub").read_text().split()[:2])
        (self.folder / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {key}\n")

    def start(self) -> None:
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        lines = [f"Port {self.port}", "ListenAddress 127.0.0.1", "PidFile none", *_PLAIN, *_NO_PASSWORDS]
        lines += [f"HostKey {self.folder}/hostkey", f"AuthorizedKeysFile {self.folder}/authorized_keys"]
        lines += [f"Subsystem sftp internal-sftp {self.sftp}", *self.more]
        (self.folder / "sshd_config").write_text("\n".join(lines) + "\n")
        command = [str(PROGRAM), "-D", "-e", "-f", str(self.folder / "sshd_config")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, start_new_session=True, stdout=log, stderr=log)
        self._wait_until_it_answers()

    def stop(self) -> None:
        """The server and every connection of it, at once."""
        if self.process is not None:
            for pid in self.tree():
                send(pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def signal(self, number: int) -> None:
        for pid in self.tree():
            send(pid, number)

    def tree(self) -> list[int]:
        """The server and the processes of its connections, which it gives groups of their own."""
        assert self.process is not None
        return tree(self.process.pid)

    def _wait_until_it_answers(self) -> None:
        for _ in range(400):
            with socket.socket() as probe:
                probe.settimeout(1)
                if probe.connect_ex(("127.0.0.1", self.port)) == 0 and probe.recv(4) == b"SSH-":
                    return
            time.sleep(0.02)
        raise AssertionError((self.folder / "log").read_text())


def needs_sshd() -> None:
    """Skips where there is none; in CI, where it must be, that is a failure."""
    if PROGRAM is None and os.environ.get("CI"):
        pytest.fail("sshd is not installed")
    if PROGRAM is None:
        pytest.skip("needs sshd: `make system-packages` installs what the tests drive")


def make(sftp: str = "", more: tuple[str, ...] = ()) -> Sshd:
    """A server of one's own, to be stopped; it ends with this process at the latest."""
    needs_sshd()
    folder = Path(tempfile.mkdtemp(prefix="vaultd-sshd-"))
    server = Sshd(folder, free_port(), sftp, more)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(server.stop)
    server.root.mkdir()
    _keygen(folder / "id")
    shutil.copy(folder / "id.pub", folder / "authorized_keys")
    server.make_host_key()
    server.introduce()
    server.start()
    return server


@cache
def shared() -> Sshd:
    """One for each worker."""
    return make()


def _keygen(path: Path, kind: str = "ed25519") -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(path)], check=True)
