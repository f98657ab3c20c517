"""Records of one device may stand together in one file of the log: that is no gap."""

from contextlib import closing
from pathlib import Path

import blake3
import pytest

from tests.disks import Disk
from tests.jobs.test_protect import brought_up, files, saved, two_copies
from tests.jobs.vaults import Computer
from vaultd import ids
from vaultd.copies.directory import DirectoryCopy
from vaultd.format.box import BoxWriter, open_box
from vaultd.format.codec import encode
from vaultd.format.keys import Keys
from vaultd.format.limits import KIND_LOG, RECORD
from vaultd.jobs.level import PROTECTED


@pytest.fixture
def computer(tmp_path: Path, disk: Disk) -> Computer:
    computer = two_copies(tmp_path, disk.path / "vault")
    saved(computer, "a")
    return computer


def merge(folder: Path, keys: Keys) -> str:
    """One file in the place of all of the log's; its name."""
    with closing(DirectoryCopy.open(folder, None, "")) as copy:
        names = sorted(file.name for file in copy.list("log/"))
        writer = BoxWriter(keys, KIND_LOG, bytearray(1 << 20))
        for name in names:
            for _, plain in open_box(copy.fetch(name), keys, KIND_LOG):
                codec, sealed = encode(plain)
                writer.add(keys.blob_id(RECORD, plain), RECORD, codec, sealed, len(plain))
        data = bytes(writer.finish())
        last = ids.parse(names[-1])
        assert last is not None
        merged = ids.log_name(last.device, last.seq, blake3.blake3(data).digest())
        copy.put(merged, data)
        for name in names:
            copy.remove(name)
    return merged


def test_a_merged_log_goes_to_the_other_copy(computer: Computer, disk: Disk) -> None:
    second = disk.path / "vault"
    disk.unplug()
    saved(computer, "b")
    saved(computer, "c")
    with computer.opened() as session:
        merged = merge(computer.copy, session.vault.keys)
    disk.plug()
    reached = brought_up(computer)
    assert (reached.level, reached.behind) == (PROTECTED, [])
    assert (second / merged).exists()
    assert files(computer.copy) == files(second)


def test_a_log_goes_on_after_a_merged_one(computer: Computer, disk: Disk) -> None:
    with computer.opened() as session:
        merged = merge(computer.copy, session.vault.keys)
    second = disk.path / "vault"
    for path in second.glob("log/*/*"):
        path.unlink()
    (second / merged).write_bytes((computer.copy / merged).read_bytes())
    assert saved(computer, "b").behind == []
    assert files(computer.copy) == files(second)
    assert len(list(second.glob("log/*/*"))) == 2
