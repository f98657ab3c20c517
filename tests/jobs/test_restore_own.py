"""A restore around vaultd's own folders puts nothing into them: what a vault says must not undo the vault."""

import os
from pathlib import Path

from tests.fakes import FakeSink
from tests.jobs.restores import give_back, plan
from tests.tree.trees import build
from vaultd.jobs.existing import Overwrite


def test_nothing_is_put_into_a_folder_of_vaultd_itself(tmp_path: Path) -> None:
    sink = FakeSink()
    root = build(sink, {b"copy": {b"vault.id": b"another"}, b"photo": b"picture"})
    copy = tmp_path / "out" / "copy"
    copy.mkdir(parents=True, mode=0o700)
    (copy / "vault.id").write_bytes(b"the copy's own")
    status = os.stat(copy)
    own = frozenset({(status.st_dev, status.st_ino)})
    restored = give_back(sink, root, tmp_path / "out", own=own, overwrite=Overwrite.ALWAYS)
    assert (copy / "vault.id").read_bytes() == b"the copy's own"
    assert os.stat(copy).st_mode == status.st_mode
    assert (tmp_path / "out" / "photo").read_bytes() == b"picture"
    assert restored.left_alone == [b"copy"]
    planned = plan(sink, root, tmp_path / "out", own=own, overwrite=Overwrite.ALWAYS)
    assert (planned.tally.files, planned.tally.left_alone) == (1, 1)
