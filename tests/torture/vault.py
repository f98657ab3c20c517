"""A small vault made by the real commands, and the questions that every sweep asks of it afterwards.

A `Scene` is a folder with a source, a home and one copy. Its files may be damaged at will: `rewind` puts
home and copy back as they were when `keep` was called. The source is never touched by a sweep.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests.compare_trees import Look, differences, looks
from vaultd.copies.directory import DirectoryCopy
from vaultd.credentials import Credential, KeyFile, RecoveryCode
from vaultd.errors import Damaged, Missing
from vaultd.format.keys import Keys, new_vault_id
from vaultd.format.slot import format_key_file
from vaultd.jobs.beginning import begin_writing
from vaultd.jobs.check import Report, check
from vaultd.jobs.keys import add_slot
from vaultd.jobs.opening import open_for_writing, open_vault
from vaultd.jobs.placing import DAMAGED_SUFFIX
from vaultd.jobs.restore import Options, Restored, plan_restore, restore
from vaultd.jobs.session import Session
from vaultd.jobs.snapshot import Taken, take_snapshot
from vaultd.jobs.sources import Wanted, add_source, my_sources
from vaultd.progress import Silent
from vaultd.settings import Home, Place, Settings, find_home, save
from vaultd.store.state import State
from vaultd.store.vault import Vault
from vaultd.tree.snapshots import Snapshot, list_snapshots
from vaultd.tree.sources import find_source
from vaultd.tree.view import View

# The tree that is tested: a copy of the repository, where a mutant is.
ROOT = Path(__file__).parents[2]
PASSPHRASE = "correct horse battery staple"
_OWN_WORDS = ("VAULTD_", "XDG_", "LC_")
_MEMORY = Path("/dev/shm")
_SECONDS = 120
# Lets a small vault have an index file, which else comes with its 64th pack.
_SOON_INDEXED = (
    "import vaultd.store.indexing as i; i.PACKS_PER_INDEX = 1; import vaultd_cli.main as m; m.main()"
)


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder of our own, in memory where that can be had: a sweep writes its vault thousands of times."""
    place = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="vaultd-torture-", dir=place) as folder:
        yield Path(folder)


def fill_source(top: Path) -> None:
    """About ten things, one of every kind that needs no privilege."""
    (top / "相册" / "empty").mkdir(parents=True)
    (top / "chat.txt").write_text("a message, and another. " * 40)
    (top / "photo.jpg").write_bytes(_noise(3000))
    (top / "相册" / "猫 🐱.png").write_bytes(_noise(900, 7))
    (top / "none").write_bytes(b"")
    (top / "link").symlink_to("chat.txt")
    os.link(top / "photo.jpg", top / "same photo.jpg")
    os.mkfifo(top / "pipe", 0o640)
    with (top / "sparse").open("wb") as sparse:
        sparse.seek(1 << 20)
        sparse.write(b"island")
    (top / "run.sh").write_bytes(b"#!/bin/sh\n")
    (top / "run.sh").chmod(0o755)
    with contextlib.suppress(OSError):  # a file system without attributes
        os.setxattr(top / "run.sh", "user.note", b"kept")
    (top / "old.txt").write_text("will be deleted\n")


def edit_source(top: Path) -> None:
    """What happens between two snapshots: something goes, something changes, something comes."""
    (top / "old.txt").unlink()
    (top / "chat.txt").write_text("a message, and an answer. " * 40)
    (top / "new.txt").write_bytes(b"new\n")


def _noise(size: int, seed: int = 1) -> bytes:
    import random

    return random.Random(seed).randbytes(size)


@dataclass
class Scene:
    """Folders of one vault; `truths` maps each snapshot's id to what its source held.

    `loose` are files and folders that a command makes, and `rewind` takes away.
    """

    top: Path
    truths: dict[str, Path] = field(default_factory=dict)
    code: str = ""
    loose: list[Path] = field(default_factory=list)

    @property
    def source(self) -> Path:
        return self.top / "source"

    @property
    def copy(self) -> Path:
        return self.top / "copy"

    @property
    def key_file(self) -> Path:
        return self.top / "key"

    @property
    def home(self) -> Home:
        return find_home(str(self.top / "home"))

    @property
    def key(self) -> KeyFile:
        return KeyFile(self.key_file.read_bytes())

    @property
    def recovery(self) -> RecoveryCode:
        return RecoveryCode(self.code)

    # Running the program.

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_OWN_WORDS)}
        kept.pop("PYTHONDONTWRITEBYTECODE", None)  # every start would compile every module anew
        paths = os.pathsep.join((str(ROOT), str(ROOT / "cli")))
        ours = {"VAULTD_HOME": str(self.top / "home"), "HOME": str(self.top), "PYTHONPATH": paths}
        return kept | ours | {"LANG": "C.UTF-8", "TZ": "UTC"}

    def run(
        self, *words: str | Path, before: Sequence[str] = (), code: str = "", secret: str = "key"
    ) -> "subprocess.CompletedProcess[str]":
        """One command as a process of its own, unlocked by key file, or by passphrase where there is no key.

        `before` is put in front of it, as strace; `code` is Python that is run instead of the program.
        """
        program = [sys.executable, *(("-c", code) if code else ("-m", "vaultd_cli"))]
        return subprocess.run(
            [*before, *program, *map(str, words), *self._unlocking(secret)],
            env=self.environment(),
            cwd=self.top,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="backslashreplace",
            timeout=_SECONDS,
            start_new_session=True,  # no terminal to ask at
            check=False,
        )

    def _unlocking(self, secret: str) -> tuple[str, ...]:
        if secret == "key":
            return ("--key-file", str(self.key_file))
        return ("--passphrase-file", str(self.top / "passphrase")) if secret else ()

    def must(self, *words: str | Path, code: str = "", secret: str = "key") -> str:
        """The same for a command that must succeed; what it says."""
        done = self.run(*words, code=code, secret=secret)
        assert done.returncode == 0, f"{words}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    # Looking at the vault, in this process.

    @contextlib.contextmanager
    def opened(self, credential: Credential | None = None, *, writing: bool = False) -> Iterator[Session]:
        enter = open_for_writing if writing else open_vault
        with enter(self.home, credential or self.key) as session:
            yield session

    def snapshots(self) -> list[Snapshot]:
        with self.opened() as session:
            return list_snapshots(session.vault.journal)

    def checked(self, credential: Credential | None = None) -> Report:
        with self.opened(credential) as session:
            return check(session.vault, Silent(), lambda: None, read_data=True)

    def take(self) -> Taken:
        """The next snapshot of the source."""
        with self.opened(writing=True) as session:
            source = find_source(my_sources(session), "source")
            return take_snapshot(session, source, Silent(), lambda: False)

    # Keeping and putting back.

    def keep(self) -> None:
        """What `rewind` goes back to is what is there now."""
        for name in ("home", "copy"):
            shutil.rmtree(self.top / f"{name}.kept", ignore_errors=True)
            shutil.copytree(self.top / name, self.top / f"{name}.kept")

    def rewind(self) -> None:
        for path in self.loose:
            if path.is_dir():
                shutil.rmtree(path)
            path.unlink(missing_ok=True)
        for name in ("home", "copy"):
            shutil.rmtree(self.top / name, ignore_errors=True)
            if (self.top / f"{name}.kept").exists():
                shutil.copytree(self.top / f"{name}.kept", self.top / name)

    def remember_truth(self, snapshot: str) -> None:
        """The source as it stands is what this snapshot must give back."""
        truth = self.top / f"truth-{len(self.truths)}"
        subprocess.run(["cp", "-a", str(self.source), str(truth)], check=True)
        self.truths[snapshot] = truth

    @property
    def newest(self) -> str:
        return list(self.truths)[-1]


def new_scene(top: Path) -> Scene:
    """A source, and nothing else yet."""
    scene = Scene(top)
    scene.source.mkdir(parents=True)
    (top / "passphrase").write_text(PASSPHRASE + "\n")
    (top / "passphrase").chmod(0o600)
    fill_source(scene.source)
    return scene


def make_vault(scene: Scene) -> None:
    """init, a key file, the source, no snapshot yet."""
    made = scene.must("init", scene.copy, "--yes", "--json", secret="passphrase")
    scene.code = " ".join(json.loads(made)["recovery_code"])
    scene.must("key", "add", "--file", scene.key_file, secret="passphrase")
    scene.must("source", "add", scene.source)


def snapshot(scene: Scene, code: str = "") -> str:
    """Take one by the command; its id."""
    identity: str = json.loads(scene.must("snapshot", "--json", code=code))[0]["id"]
    scene.remember_truth(identity)
    return identity


def make_reference(top: Path) -> Scene:
    """One copy, two snapshots, an attic, an index, a passphrase slot and a key file's."""
    scene = new_scene(top)
    make_vault(scene)
    snapshot(scene)
    edit_source(scene.source)
    snapshot(scene, _SOON_INDEXED)
    scene.keep()
    return scene


def quick_vault(scene: Scene) -> None:
    """A vault that needs no passphrase: made by the jobs, with a key file for its only slot."""
    copy = DirectoryCopy.create(scene.copy, new_vault_id(), os.urandom(16), "main")
    keys = Keys.from_master(os.urandom(32), copy.vault_id)
    scene.key_file.write_text(format_key_file(os.urandom(32)))
    config = Settings(keys.vault_id, (Place("main", str(scene.copy), copy.copy_id),))
    save(scene.home, config)
    vault = Vault(copy, keys, State(scene.home.state_file, keys.vault_id))
    vault.sync()
    session = Session(scene.home, config, vault)
    begin_writing(session)
    add_slot(session, KeyFile(scene.key_file.read_bytes()), "test")
    add_source(session, Wanted(os.fsencode(scene.source)))
    vault.close()


# What must hold of what comes out, whatever was done to the vault.


@dataclass
class Outcome:
    """What a restore gave: `wrong` is what must never be, in words; `told` whether damage was admitted."""

    wrong: list[str] = field(default_factory=list)
    told: bool = False


def _never() -> bool:
    return False


def give_back(
    session: Session, snapshot: Snapshot, target: Path, *, stop: Callable[[], bool] = _never
) -> Restored:
    view = View(session.vault, snapshot.body.root, snapshot.body.attic)
    plan = plan_restore(view, b"", os.fsencode(target), Options())
    return restore(plan, session.vault.keys, Silent(), stop)


def outcome(scene: Scene, session: Session, wanted: str, target: Path) -> Outcome:
    """Restore one snapshot and compare: each path is identical, or is missing and was told of."""
    found = {each.id.hex(): each for each in list_snapshots(session.vault.journal)}
    if wanted not in found:
        return Outcome(told=bool(session.vault.troubles))
    try:
        restored = give_back(session, found[wanted], target)
    except (Missing, Damaged):
        return Outcome(told=True)
    return Outcome(judge(scene.truths[wanted], target, restored), told=restored.damage)


# What damage never excuses: another kind of thing, other bytes, a link that leads elsewhere.
_NEVER = ("kind", "size", "data", "link")


def judge(truth: Path, target: Path, restored: Restored) -> list[str]:
    """What is wrong with a restored folder, beyond what the restore itself has listed."""
    told = frozenset(trouble.path for trouble in restored.troubles.kept)
    before, after = _looks(truth), looks(target) if target.exists() else {}
    wrong = [f"{path!r} is gone" for path in before.keys() - after.keys() if not _listed(path, told)]
    wrong += [f"{path!r} came" for path in after.keys() - before.keys() if not _marked(path, told)]
    for path in before.keys() & after.keys():
        fields = [name for name, value in vars(before[path]).items() if getattr(after[path], name) != value]
        # Attributes may be lost with what they were stored in, the group of links and a folder's time with
        # another name.
        wrong += [f"{path!r} {name}" for name in fields if name in _NEVER or not told]
    return wrong


@cache
def _looks(truth: Path) -> dict[bytes, Look]:
    return looks(truth)


def _listed(path: bytes, told: frozenset[bytes]) -> bool:
    return b"" in told or any(path == one or path.startswith(one + b"/") for one in told)


def _marked(path: bytes, told: frozenset[bytes]) -> bool:
    """Under a name that says what it is, and listed under its own."""
    original, mark, _ = path.partition(DAMAGED_SUFFIX)
    return bool(mark) and _listed(original, told)


def assert_gives_back(scene: Scene, wanted: str) -> None:
    """This snapshot is listed, and everything in it comes back as it was."""
    with scene.opened() as session, scratch_folder() as scratch:
        found = [each for each in list_snapshots(session.vault.journal) if each.id.hex() == wanted]
        assert found, "an acknowledged snapshot is gone"
        restored = give_back(session, found[0], scratch / "back")
        assert differences(scene.truths[wanted], scratch / "back") == []
        assert restored.complete


def assert_sound(report: Report) -> None:
    assert report.sound, [str(each) for each in report.damage] + [f"{each.path!r}" for each in report.lost]


def logs_of(copy: Path) -> list[tuple[str, int]]:
    """Device and number of every log file that has its name: twice the same would be a fork."""
    files = (path for path in copy.glob("log/*/*") if path.suffix != ".tmp")
    return sorted((path.parent.name, int(path.name[:10])) for path in files)
