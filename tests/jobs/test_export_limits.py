"""What is too large for the old fields of tar and zip, who is killed, and who may read what left."""

import io
import os
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.jobs.exports import export_of
from tests.jobs.vaults import Computer, new_vault
from vaultd.jobs import ziparchive, zipblocks, zipreading
from vaultd.jobs.tarhead import ending, header, nanoseconds, padding


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Computer:
    work = tmp_path_factory.mktemp("limits")
    computer = new_vault(work)
    (work / "files").mkdir()
    (work / "files" / "text").write_text("the same line again\n" * 10_000)
    (work / "files" / "random").write_bytes(os.urandom(1 << 20))
    (work / "files" / "empty").touch()
    computer.add(work / "files", "files")
    computer.save("files")
    return computer


@pytest.mark.parametrize("value", [0, 8**11 - 1, 8**11, 9 << 30, 1 << 50])
def test_tar_holds_files_of_any_size(value: int) -> None:
    head = header(b"0", b"name", [], mode=0o644, owner=(8**7, 2**32 - 1), size=value)
    info = tarfile.TarInfo.frombuf(head, "utf-8", "strict")
    assert (info.size, info.uid, info.gid, info.mode) == (value, 8**7, 2**32 - 1, 0o644)


@pytest.mark.parametrize("time", [0, 1, -1, -(10**18) - 1, 4 * 10**18 + 123_456_789, 10**9, 8**11 * 10**9])
@pytest.mark.parametrize("length", [1, 95, 100, 101, 1000, 70_000])
def test_tar_holds_names_and_times_of_any_length(time: int, length: int) -> None:
    name = b"n" * length
    data = header(b"2", name, [], mode=0o777, owner=(1, 2), mtime=time, link=name)
    with tarfile.open(fileobj=io.BytesIO(data + ending(len(data)))) as tar:
        (info,) = tar
    assert (info.name, info.linkname) == (name.decode(), name.decode())
    assert nanoseconds(info.pax_headers.get("mtime", str(int(info.mtime)))) == time


@pytest.mark.parametrize("length", [*range(1, 110), 980, 981, 985, 990, 9970, 9975, 9980])
def test_a_pax_record_counts_its_own_length(length: int) -> None:
    data = header(b"0", b"n", [(b"SCHILY.xattr.user.x", b"v" * length)], mode=0o644, owner=(0, 0))
    with tarfile.open(fileobj=io.BytesIO(data + ending(len(data)))) as tar:
        (info,) = tar
    assert info.pax_headers == {"SCHILY.xattr.user.x": "v" * length}


def test_a_tar_ends_where_tars_do() -> None:
    for length in (0, 512, 10_240, 9_728):
        assert (length + len(ending(length))) % 10_240 == 0
        assert len(ending(length)) >= 1024
    assert [len(padding(length)) for length in (0, 1, 511, 512)] == [0, 511, 1, 0]


@pytest.mark.parametrize("program", ["unzip", "zipfile"])
def test_zip_of_what_is_huge_and_of_many(
    saved: Computer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    """As where a file has more than 4 GiB, and a zip more than 65,535 of them."""
    monkeypatch.setattr(ziparchive, "HUGE", 1000)
    for module in (zipblocks, zipreading):
        monkeypatch.setattr(module, "_MOST_FILES", 0xFFFF)
    monkeypatch.setattr(zipblocks, "_MOST_FILES", 2)
    monkeypatch.setattr(zipreading, "_MOST_FILES", 2)
    target = tmp_path / "out.zip"
    export_of(saved, target, "zip")
    assert b"PK\x06\x06" in target.read_bytes()
    saved.give_back(tmp_path / "restored")
    if program == "unzip":
        if not shutil.which("unzip"):
            pytest.skip("no unzip here")
        subprocess.run(["unzip", "-q", str(target), "-d", str(tmp_path / "out")], check=False)
        found = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    else:
        with zipfile.ZipFile(target) as archive:
            found = {name: archive.read(name) for name in archive.namelist()}
    assert found == {path.name: path.read_bytes() for path in (tmp_path / "restored").iterdir()}


@pytest.mark.parametrize("form", ["tar", "zip"])
def test_only_its_owner_may_read_what_left(saved: Computer, tmp_path: Path, form: str) -> None:
    export_of(saved, tmp_path / "out", form)
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o600


@pytest.mark.parametrize("form", ["tar", "zip", "capsule"])
def test_who_is_killed_leaves_nothing_that_looks_whole(saved: Computer, tmp_path: Path, form: str) -> None:
    """Killed when all is written and nothing is read back yet."""
    script = f"""
import os, signal
from pathlib import Path
from tests.jobs import exports
from tests.jobs.vaults import Computer
from vaultd.progress import Silent
from vaultd.settings import find_home

class Killed(Silent):
    def stage(self, name):
        if name == "read-back":
            os.kill(os.getpid(), signal.SIGKILL)

exports.Silent = Killed
copy, key = Path({str(saved.copy)!r}), Path({str(saved.key)!r})
computer = Computer(find_home({str(saved.home.config)!r}), copy, key)
target = Path({str(tmp_path / "out")!r})
if {form!r} == "capsule":
    exports.sealed(computer, target, words="files")
else:
    exports.export_of(computer, target, {form!r})
"""
    root = str(Path(__file__).parents[2])
    done = subprocess.run([sys.executable, "-c", script], cwd=root, check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".out.vaultd-export-")
    assert stat.S_IMODE(left.stat().st_mode) == 0o700
