"""Exports as tar and zip: what comes out of them by other people's programs is what a restore gives."""

import itertools
import os
import shutil
import stat
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.jobs.exports import export_of, exported, told_of
from tests.jobs.sample import make_sample
from tests.jobs.vaults import Computer, new_vault
from vaultd.errors import BadUsage, ExportFull, NotAFolder, NotAsWritten
from vaultd.jobs import tarball, zipreading
from vaultd.jobs.export import export
from vaultd.progress import Silent


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Computer:
    """A vault that holds one of everything."""
    work = tmp_path_factory.mktemp("export")
    computer = new_vault(work)
    make_sample(work / "home of files", special=os.geteuid() == 0)
    computer.add(work / "home of files", "all")
    computer.save("all")
    return computer


def test_tar_is_what_a_restore_gives(saved: Computer, tmp_path: Path) -> None:
    told = export_of(saved, tmp_path / "all.tar", "tar")
    assert told.troubles.kept == []
    saved.give_back(tmp_path / "restored", special=True)
    out = tmp_path / "extracted"
    out.mkdir()
    command = ["tar", "--xattrs", "--xattrs-include=*", "--warning=no-timestamp", "-xpf"]
    done = subprocess.run(
        [*command, str(tmp_path / "all.tar"), "-C", str(out)], capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    given = told_of(bytes(tmp_path / "restored"), exact=True)
    sockets = [path for path, facts in given.items() if facts[0] == stat.S_IFSOCK]
    assert told.tally.special == len(sockets)
    for path in sockets:
        del given[path]
    assert told_of(bytes(out), exact=True) == given
    assert os.stat(out).st_mtime_ns == os.stat(tmp_path / "restored").st_mtime_ns


def test_sparse_files_stay_sparse_in_a_tar(saved: Computer, tmp_path: Path) -> None:
    export_of(saved, tmp_path / "all.tar", "tar")
    with tarfile.open(tmp_path / "all.tar", encoding="utf-8") as tar:
        sparse = [info for info in tar if info.issparse()]
        assert sparse
        for info in sparse:
            file = tar.extractfile(info)
            assert file is not None
            assert len(file.read()) == info.size
    sizes = sum(info.size for info in sparse)
    assert (tmp_path / "all.tar").stat().st_size < sizes


@pytest.mark.parametrize("program", ["unzip", "zipfile"])
def test_zip_is_what_a_restore_gives(saved: Computer, tmp_path: Path, program: str) -> None:
    told = export_of(saved, tmp_path / "all.zip", "zip")
    saved.give_back(tmp_path / "restored")
    assert {note.error for note in told.troubles.notes} >= {
        "attributes",
        "zip-links",
        "zip-times",
        "zip-holes",
    }
    assert told.troubles.kept == []
    given = told_of(bytes(tmp_path / "restored"), exact=False)
    kept = {path: facts for path, facts in given.items() if facts[0] != stat.S_IFIFO}
    renamed = {each.path: each.name for each in told.renamed}
    out = tmp_path / "out"
    if program == "zipfile":
        with zipfile.ZipFile(tmp_path / "all.zip") as archive:
            assert archive.testzip() is None
            contents = {os.fsencode(info.filename): archive.read(info) for info in archive.infolist()}
        files = {path: facts[2] for path, facts in kept.items() if facts[0] == stat.S_IFREG}
        assert {_called(path, renamed): data for path, data in files.items()}.items() <= contents.items()
        return
    if not shutil.which("unzip"):
        pytest.skip("no unzip here")
    done = subprocess.run(
        ["unzip", "-q", "-X", str(tmp_path / "all.zip"), "-d", str(out)],
        capture_output=True,
        check=False,
        env={"LC_ALL": "C.UTF-8", "TZ": "UTC", "PATH": os.environ["PATH"]},
    )
    # It refuses names of control characters or ";" alone, of which there are some in names/.
    assert all(b"conversion of names/" in line for line in done.stderr.splitlines() if line), done.stderr
    found = told_of(bytes(out), exact=False)
    files = {path: facts for path, facts in found.items() if facts[0] != stat.S_IFDIR}
    wanted = {_called(path, renamed): facts for path, facts in kept.items() if facts[0] != stat.S_IFDIR}
    missing = wanted.keys() - files.keys()
    assert all(path.startswith(b"names/") for path in missing)
    assert len(missing) < len(wanted) // 2
    for path in files.keys() & wanted.keys():
        assert files[path][:3] == wanted[path][:3], path


def _called(path: bytes, renamed: dict[bytes, bytes]) -> bytes:
    name = renamed.get(path)
    return path if name is None else os.path.join(os.path.dirname(path), name)


def test_what_is_below_a_path_is_exported_under_its_last_name(saved: Computer, tmp_path: Path) -> None:
    with saved.view() as view:
        exported(view, tmp_path / "one.tar", "tar", "照片".encode())
    with tarfile.open(tmp_path / "one.tar", encoding="utf-8") as tar:
        assert tar.getnames() == ["照片", "照片/猫 🐱.txt", "照片/空的"]


def test_what_is_there_is_never_touched(saved: Computer, tmp_path: Path) -> None:
    (tmp_path / "taken.tar").write_text("mine")
    (tmp_path / "link.tar").symlink_to("nowhere")
    for name in ("taken.tar", "link.tar"):
        with pytest.raises(BadUsage):
            export_of(saved, tmp_path / name, "tar")
    with pytest.raises(NotAFolder):
        export_of(saved, tmp_path / "no" / "all.tar", "tar")
    assert (tmp_path / "taken.tar").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.tar", "taken.tar"]


def test_what_came_meanwhile_is_not_replaced(saved: Computer, tmp_path: Path) -> None:
    class Meanwhile(Silent):
        def stage(self, name: str) -> None:
            (tmp_path / "all.tar").write_text("mine")

    with saved.view() as view, pytest.raises(BadUsage):
        export(view, b"", tmp_path / "all.tar", "tar", Meanwhile(), lambda: False)
    assert (tmp_path / "all.tar").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("form", ["tar", "zip"])
@pytest.mark.parametrize("steps", [0, 1, 100, 309])
def test_an_interruption_leaves_nothing(saved: Computer, tmp_path: Path, form: str, steps: int) -> None:
    asked = itertools.count()
    with saved.view() as view, pytest.raises(KeyboardInterrupt):
        export(view, b"", tmp_path / "out", form, Silent(), lambda: next(asked) >= steps)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", ["tar", "zip"])
def test_a_full_disk_leaves_nothing(saved: Computer, small_disk: Path, form: str) -> None:
    with pytest.raises(ExportFull):
        export_of(saved, small_disk / "out", form)
    assert list(small_disk.iterdir()) == []


@pytest.mark.parametrize("form", ["tar", "zip"])
def test_what_did_not_reach_the_disk_is_noticed(
    saved: Computer, tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One byte of a file's content differs when it is read back."""
    with saved.view() as view:
        exported(view, tmp_path / "first", form)
    place = (tmp_path / "first").read_bytes().find("喵".encode())
    assert place > 0
    for module in (tarball, zipreading):
        monkeypatch.setattr(module, "forget_cached", lambda fd: _flip(fd, place))
    with pytest.raises(NotAsWritten):
        export_of(saved, tmp_path / "second", form)
    assert [path.name for path in tmp_path.iterdir()] == ["first"]


def _flip(fd: int, place: int) -> None:
    with open(f"/proc/self/fd/{fd}", "r+b") as file:
        file.seek(place)
        byte = file.read(1)
        file.seek(place)
        file.write(bytes([byte[0] ^ 1]))


@pytest.mark.parametrize("form", ["tar", "zip"])
def test_what_is_damaged_is_told_and_the_rest_is_written(tmp_path: Path, form: str) -> None:
    computer = new_vault(tmp_path)
    files = tmp_path / "files"
    files.mkdir()
    for number in range(4):
        (files / f"file{number}").write_bytes(os.urandom(3 << 20))
        computer.save("files") if number else computer.add(files, "files")
    computer.save("files")
    packs = sorted((computer.copy / "packs").rglob("*"), key=lambda path: path.stat().st_size)
    with open(packs[-1], "r+b") as pack:  # in the middle of what a file has there
        pack.seek(2 << 20)
        pack.write(bytes(100))
    told = export_of(computer, tmp_path / "out", form)
    assert told.damage
    lost = [trouble.path for trouble in told.troubles.kept]
    assert 1 <= len(lost) < 4
    assert _contents(tmp_path / "out", form) == {
        path.name: path.read_bytes() for path in files.iterdir() if os.fsencode(path.name) not in lost
    }


def _contents(path: Path, form: str) -> dict[str, bytes]:
    if form == "zip":
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    with tarfile.open(path) as tar:
        return {info.name: tar.extractfile(info).read() for info in tar if info.isreg()}  # type: ignore[union-attr]


@pytest.mark.parametrize("form", ["tar", "zip"])
def test_what_is_gone_is_exported_when_asked_for(tmp_path: Path, form: str) -> None:
    computer = new_vault(tmp_path)
    (tmp_path / "files" / "album").mkdir(parents=True)
    (tmp_path / "files" / "album" / "gone").write_text("last")
    (tmp_path / "files" / "here").write_text("here")
    computer.add(tmp_path / "files", "files")
    computer.save("files")
    (tmp_path / "files" / "album" / "gone").unlink()
    computer.save("files")
    with computer.view() as view:
        exported(view, tmp_path / "out", form, deleted=True)
    assert {name: data for name, data in _contents(tmp_path / "out", form).items() if data} == {
        "album/gone": b"last"
    }


def test_a_name_of_a_zip_is_utf8_and_two_that_are_not_stay_two(tmp_path: Path) -> None:
    computer = new_vault(tmp_path)
    (tmp_path / "files").mkdir()
    for name in (b"a\xff", b"a\xfe", b"a_"):
        (tmp_path / "files" / os.fsdecode(name)).write_bytes(name)
    computer.add(tmp_path / "files", "files")
    computer.save("files")
    told = export_of(computer, tmp_path / "out", "zip")
    assert sorted(each.path for each in told.renamed) == [b"a\xfe", b"a\xff"]
    found = _contents(tmp_path / "out", "zip")
    assert sorted(found.values()) == sorted((b"a\xff", b"a\xfe", b"a_"))
    assert {os.fsencode(name) for name in found} == {b"a_", *(each.name for each in told.renamed)}
