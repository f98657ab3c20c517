"""docs/recover.py on vaults made to hurt: deep, damaged, and with somebody who moves things about."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.recover.test_golden import recover
from tests.vectors.readers import load_recover
from tests.vectors.writer import FOLDER, PAGE, SYMLINK, Blob, Copy, Maker, digest, entry, pack

DEVICE = bytes.fromhex("1a" * 8)
DEEPEST = 16_384


def deep_vault(folder: Path, depth: int) -> Path:
    """A copy whose folders nest `depth` deep, each named `d`, with a file in the last."""
    copy = Copy(Maker(seed=f"deep {depth}"))
    below = copy.folder([entry(b"bottom")])
    for _ in range(depth):
        below = copy.blob(PAGE, pack([entry(b"d", FOLDER, below)]))
    return write(copy, folder, below)


def write(copy: Copy, folder: Path, root: bytes) -> Path:
    copy.pack()
    copy.log(DEVICE, 1, [copy.snapshot(DEVICE, 1, None, root)])
    copy.write(folder)
    (folder / "code").write_text(copy.maker.master.hex())
    return folder


def restore(folder: Path, out: Path) -> "subprocess.CompletedProcess[str]":
    return recover("restore", folder, "latest", out, "--recovery-code-file", folder / "code")


def depth_of(top: Path) -> int:
    """How many folders named `d` stand in one another, and take them away on the way back."""
    here, depth = os.open(top, os.O_RDONLY), 0
    while "d" in os.listdir(here):
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here, depth = below, depth + 1
    for _ in range(depth):
        above = os.open("..", os.O_RDONLY, dir_fd=here)
        os.rmdir("d", dir_fd=above)
        os.close(here)
        here = above
    os.close(here)
    return depth


def test_folders_up_to_the_limit_are_made_and_one_more_is_refused(tmp_path: Path) -> None:
    done = restore(deep_vault(tmp_path / "copy", DEEPEST + 1), tmp_path / "out")
    assert done.returncode == 20
    assert done.stderr.count("\n") == 2
    assert done.stderr.endswith(f" depth\nRestored 0 files, 0 bytes, into {tmp_path / 'out'}\n")
    assert depth_of(tmp_path / "out") == DEEPEST


def test_every_file_of_a_small_vault_flipped_and_cut_gives_no_wrong_bytes(tmp_path: Path) -> None:
    """Each byte in turn would take an evening: this takes one in each 97, and cuts at a few lengths."""
    module, copy = load_recover(), Copy(Maker(seed="flips"))
    text = b"the only right bytes of this file " * 9
    folder = write(copy, tmp_path / "copy", copy.folder([copy.file(b"a", text), copy.file(b"b", text * 2)]))
    keys = copy.maker.master + copy.maker.vault_id
    for path in [path for path in folder.rglob("*") if len(path.name) > 60]:
        data = path.read_bytes()
        broken = [data[:i] + bytes([data[i] ^ 1]) + data[i + 1 :] for i in range(0, len(data), 97)]
        broken += [data[:length] for length in (0, 96, 900, len(data) - 1)]
        for number, bad in enumerate(broken):
            path.write_bytes(bad)
            out = tmp_path / f"{path.name[:8]}{number}"
            found = give_back(module, folder, keys, out)
            assert found, f"{path.name} broken in way {number} was not noticed"
            for made in out.iterdir():
                assert made.name.endswith(".vaultd-damaged") or made.read_bytes() in (text, text * 2)
        path.write_bytes(data)
    assert give_back(module, folder, keys, tmp_path / "sound") == []


def give_back(module: Any, folder: Path, keys: bytes, out: Path) -> list[str]:
    """Restore the newest snapshot in this process, and return the words of what was lost."""
    wrong: list[str] = []
    vault = module.Vault([folder], keys)
    vault.failed = lambda why, *names: wrong.append(why.word)
    vault.scan("log", (4,))
    vault.scan("packs", (1, 2))
    out.mkdir()
    for record in vault.records().values():
        vault.run(vault.children(module.Tree(record.body["root"].content, False, None)), out)
    vault.blobs.close()
    return wrong


@contextmanager
def racing(out: Path, outside: Path) -> Iterator[None]:
    """Somebody who turns each folder of the target into a link that leads out, as fast as it can be done."""
    stop = threading.Event()

    def race() -> None:
        while not stop.is_set():
            for name in ("a", "b", "a/inside", "b/inside"):
                try:
                    (out / name).rename(out / f"moved-{name.replace('/', '-')}")
                    (out / name).symlink_to(outside)
                except OSError:
                    continue

    thread = threading.Thread(target=race)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_nothing_is_written_through_a_link_that_somebody_puts_there(tmp_path: Path) -> None:
    copy = Copy(Maker(seed="race"))
    files = [copy.file(b"%d" % number, b"x%d" % number, extra={"hard": bytes(16)}) for number in range(30)]
    below = copy.folder([*files, entry(b"inside", FOLDER, copy.folder(files))])
    folder = write(
        copy, tmp_path / "copy", copy.folder([entry(name, FOLDER, below) for name in (b"a", b"b")])
    )
    outside = tmp_path / "outside"
    outside.mkdir()
    for attempt in range(5):
        out = tmp_path / f"out{attempt}"
        with racing(out, outside):
            assert restore(folder, out).returncode in (0, 1, 3)
        assert list(outside.iterdir()) == []
        assert oct(outside.stat().st_mode & 0o777) == "0o755"


def test_links_of_the_vault_are_made_and_never_followed(tmp_path: Path) -> None:
    copy = Copy(Maker(seed="links"))
    outside = tmp_path / "outside"
    outside.mkdir()
    target = os.fsencode(outside)
    link = entry(b"escape", SYMLINK, None, len(target), {"link": target})
    folder = write(copy, tmp_path / "copy", copy.folder([link, copy.file(b"sound", b"sound")]))
    done = restore(folder, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert os.readlink(tmp_path / "out" / "escape") == str(outside)
    assert list(outside.iterdir()) == []


def test_what_this_disk_cannot_hold_is_listed_and_the_rest_is_made(tmp_path: Path) -> None:
    copy = Copy(Maker(seed="cannot"))
    entries = [
        entry(b"n" * 300),
        entry(b"far-future", mtime=2**62),
        entry(b"link-nul", SYMLINK, None, 3, {"link": b"a\0b"}),
        entry(b"link-empty", SYMLINK, None, 0, {"link": b""}),
        entry(b"too-large", 1, [], 2**62, {"sparse": []}),
        copy.file(b"sound", b"sound"),
    ]
    folder = write(copy, tmp_path / "copy", copy.folder(entries))
    done = restore(folder, tmp_path / "out")
    assert done.returncode == 3, done.stderr
    assert (tmp_path / "out" / "sound").read_bytes() == b"sound"
    assert not (tmp_path / "out" / "too-large").exists()
    for name in ("n" * 300, "link-nul", "link-empty", "too-large"):
        assert f"\n{name} " in "\n" + done.stderr


def test_names_that_would_command_a_terminal_are_shown_plainly(tmp_path: Path) -> None:
    copy = Copy(Maker(seed="terminal"))
    evil = entry(b"\x1b[2Jcleared\n\xff", 1, [[bytes(32), 5]], 5)
    folder = write(copy, tmp_path / "copy", copy.folder([evil]))
    done = restore(folder, tmp_path / "out")
    assert done.returncode == 20
    assert "\x1b" not in done.stderr
    assert "\\x1b[2Jcleared\\n\\xff missing" in done.stderr


@pytest.mark.parametrize("sparse", [False, True])
def test_a_large_file_needs_little_memory(sparse: bool, tmp_path: Path) -> None:
    copy = Copy(Maker(seed="memory"))
    chunk = bytes(range(256)) * 4096
    pairs = [[copy.blob(1, chunk), len(chunk)]] * 8192
    content = copy.blob(3, pack([0, 1, pairs[:64]]))
    extra = {"sparse": [[0, 64 << 20]]} if sparse else {}
    made = entry(b"large", 1, content, 1 << 40 if sparse else 64 << 20, extra)
    folder = write(copy, tmp_path / "copy", copy.folder([made]))
    code = (
        "import resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], check=True)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    )
    script = Path(__file__).parents[2] / "docs" / "recover.py"
    words: list[str | Path] = [
        script,
        "restore",
        folder,
        "latest",
        tmp_path / "out",
        "--recovery-code-file",
        folder / "code",
    ]
    done = subprocess.run(
        [sys.executable, "-c", code, sys.executable, *words], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 100_000
    assert (tmp_path / "out" / "large").stat().st_size == made[6]


def test_a_record_of_two_copies_is_one_record(tmp_path: Path) -> None:
    copy = Copy(Maker(seed="union"))
    first = copy.snapshot(DEVICE, 1, None, copy.folder([copy.file(b"a", b"a")]))
    copy.pack()
    copy.log(DEVICE, 1, [first])
    copy.write(tmp_path / "one")
    copy.log(
        DEVICE, 2, [first, copy.snapshot(DEVICE, 2, digest(first), copy.folder([copy.file(b"b", b"b")]))]
    )
    copy.pack()
    copy.write(tmp_path / "two")
    (tmp_path / "code").write_text(copy.maker.master.hex())
    done = recover("list", tmp_path / "one", tmp_path / "two", "--recovery-code-file", tmp_path / "code")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2


def test_a_box_over_256_mib_is_refused_and_not_read(tmp_path: Path) -> None:
    module, maker = load_recover(), Maker(seed="large box")
    path = tmp_path / "box"
    path.write_bytes(maker.box(1, [Blob(1, b"x")]))
    os.truncate(path, (256 << 20) + 1)
    with path.open("rb") as file, pytest.raises(module.Refused) as refused:
        module.open_box(file, (1, 2), maker.master + maker.vault_id)
    assert refused.value.word == "limit"
