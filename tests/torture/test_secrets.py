"""No secret leaves the process: not in arguments or environments of children, state, configuration, copy,
output or left-over files, whether a command works or fails (row 52 of the hazards); and nobody else can read
what is written (row 54).
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from vaultd_cli.verbs import VERBS

from tests.torture.strace import needs_strace
from tests.torture.sweep import Extent
from tests.torture.vault import PASSPHRASE, Scene, make_reference, scratch_folder
from vaultd.format.words import parse_recovery_code

# Every verb, in a way that works and in ways that fail. `{}` is the scene's folder.
COMMANDS = {
    "init": ["init {}/second --yes", "init {}/file/in --yes", "init {}/copy --yes"],
    "open": ["open {}/copy", "open {}/nosuch", "open {}/copy --home {}/third"],
    "source": [
        "source list",
        "source add {}/nosuch",
        "source add {}/source --name other",
        "source remove other",
    ],
    "snapshot": ["snapshot", "snapshot nosuch"],
    "snapshots": ["snapshots", "snapshots nosuch"],
    "status": ["status"],
    "ls": ["ls source -lR", "ls nosuch", "ls source --deleted"],
    "cat": ["cat source:chat.txt", "cat source:nosuch"],
    "find": ["find *.txt", "find [", "find *.txt --deleted"],
    "diff": ["diff source~1 source", "diff nosuch source"],
    "history": ["history source:chat.txt", "history source:nosuch"],
    "mount": ["mount {}/source", "mount {}/copy/inside"],  # both refused: a mount would not end
    "umount": ["umount {}/source"],
    "serve-webdav": ["serve-webdav --port x"],
    "restore": [
        "restore source --target {}/back",
        "restore source --target /proc/x",
        "restore nosuch --target {}",
    ],
    "check": ["check --read-data", "check --copy nosuch"],
    "copy": [
        "copy list",
        "copy sync",
        "copy add nas {}/third",
        "copy add nas {}/nosuch/nosuch",
        "copy remove nosuch",
        "copy accept nosuch",
        "copy parity main on",
    ],
    "heal": ["heal", "heal --copy nosuch"],
    "drill": ["drill --files 3", "drill --copy nosuch"],
    "key": [
        "key list",
        "key add --file {}/new-key",
        "key add --file {}/copy",
        "key remove nosuch",
        "key unlock",
    ],
    "recovery-code": ["recovery-code", "recovery-code --try"],
    "notices": ["notices", "notices --all"],
    "acknowledge": ["acknowledge --all", "acknowledge nosuch"],
    "channel": ["channel list", "channel remove nosuch", "channel add mail --url-file {}/nosuch"],
    "journal": ["journal", "journal verify"],
    "doctor": ["doctor"],
    "daemon": ["daemon status", "daemon pause --for 1m", "daemon resume", "daemon stop"],
    "completion": ["completion bash"],
    "hold": ["hold source --why x", "hold", "hold nosuch"],
    "unhold": ["unhold source", "unhold nosuch"],
    "forget": ["forget --by-rules", "forget --keep-last 1 source --dry-run", "forget nosuch"],
    "forget-deleted": ["forget-deleted source:nosuch --yes source", "forget-deleted source"],
    "trash": ["trash list", "trash restore nosuch"],
    "prune": ["prune --dry-run", "prune --max-unused x"],
    "device": ["device list --all", "device retire nosuch"],
    "guard": ["guard show", "guard accept nosuch"],
    "incident": ["incident list", "incident show nosuch"],
    "export": ["export source {}/exported.tar", "export nosuch {}/nosuch.tar"],
    "proof": ["proof {}/proof", "proof nosuch {}/nosuch"],
}
UNLOCKING = {
    "passphrase": "--passphrase-file {}/passphrase",
    "command": "--passphrase-command cat\N{NO-BREAK SPACE}{}/passphrase",
    "wrong": "--passphrase-file {}/wrong",
    "key": "--key-file {}/key",
    "code": "--recovery-code-file {}/code",
}
# Files that hold a secret because somebody put it there, or asked for it.
MEANT = ("passphrase", "wrong", "key", "code", "new-key", "home/device.key")
SHOWS_THE_CODE = ("init", "recovery-code")
NEEDS_NO_SECRET = ("doctor", "completion", "daemon", "channel")


@dataclass(frozen=True)
class Secrets:
    """Byte strings that must be nowhere. `code` may be in the answer of the commands that are for it."""

    always: tuple[bytes, ...]
    code: tuple[bytes, ...]

    def found_in(self, data: bytes, *, code: bool = True) -> list[bytes]:
        folded = b" ".join(data.split())
        return [each for each in self.always + (self.code if code else ()) if each in data or each in folded]


@pytest.fixture(scope="module")
def reference() -> Iterator[Scene]:
    with scratch_folder() as folder:
        os.umask(0)
        scene = make_reference(folder / "scene")
        (scene.top / "code").write_text(scene.code + "\n")
        (scene.top / "wrong").write_text("canary wrong passphrase\n")
        (scene.top / "file").write_text("")
        (scene.top / "tmp").mkdir()
        yield scene


@pytest.fixture
def secrets(reference: Scene) -> Secrets:
    master = parse_recovery_code(reference.code)
    key = bytes.fromhex(reference.key_file.read_text().split()[1])
    raw = (PASSPHRASE.encode(), b"canary wrong passphrase")
    hexes = tuple(each.hex().encode() for each in (master, key, PASSPHRASE.encode()))
    words = reference.code.split()
    return Secrets((*raw, master, key, *hexes), (" ".join(words[:4]).encode(), " ".join(words[-4:]).encode()))


def cases() -> list[tuple[str, str]]:
    assert COMMANDS.keys() == VERBS.keys(), "a verb whose secrets nobody looks after"
    return [
        (line, how)
        for verb, lines in COMMANDS.items()
        for line in lines
        for how in (("",) if verb in NEEDS_NO_SECRET else UNLOCKING)
    ]


def argv(scene: Scene, line: str, how: str) -> list[str]:
    words = f"{line} {UNLOCKING.get(how, '')} -vv".split(" ")
    return [word.replace("{}", str(scene.top)).replace("\N{NO-BREAK SPACE}", " ") for word in words if word]


def files_below(top: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(top.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield str(path.relative_to(top)), path


@needs_strace
def test_no_secret_is_anywhere(
    reference: Scene, secrets: Secrets, extent: Extent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Children are looked at where they begin: all that execve is given."""
    monkeypatch.setenv("TMPDIR", str(reference.top / "tmp"))
    trace = reference.top / "trace"
    before = ("strace", "-f", "-qq", "-v", "-s", "100000", "-e", "trace=execve", "-o", str(trace))
    reference.loose = [reference.top / name for name in ("new-key", "second", "third", "back")]
    for line, how in extent.choose("commands that handle secrets", cases(), 16):
        reference.rewind()
        os.umask(0)
        done = reference.run(*argv(reference, line, how), before=before, secret="")
        said = (done.stdout + done.stderr).encode()
        shows = line.split()[0] in SHOWS_THE_CODE
        assert secrets.found_in(said, code=not shows) == [], (line, how, done)
        assert secrets.found_in(trace.read_bytes()) == [], (line, how)
        for name, path in files_below(reference.top):
            if name not in MEANT:
                assert secrets.found_in(path.read_bytes()) == [], (line, how, name)
        assert list((reference.top / "tmp").iterdir()) == [], (line, how)
        assert_private(reference, line)


def assert_private(scene: Scene, line: str) -> None:
    """Nobody else may read or enter what vaultd made, although the umask would let them."""
    for folder in ("home", "copy", "second", "third"):
        for path in [scene.top / folder, *(scene.top / folder).rglob("*")]:
            if path.exists():
                assert not stat.S_IMODE(path.lstat().st_mode) & 0o077, (line, path)
    if (new := scene.top / "new-key").exists():
        assert stat.S_IMODE(new.stat().st_mode) == 0o600


def test_wrong_passphrase_says_so_and_no_more(reference: Scene, secrets: Secrets) -> None:
    reference.rewind()
    for verbosity in ("-v", "-vv", "--json"):
        done = reference.run("status", "--passphrase-file", reference.top / "wrong", verbosity, secret="")
        assert done.returncode == 12
        assert secrets.found_in((done.stdout + done.stderr).encode()) == []
