"""Each sweep is seen to fail: a fault is put into a copy of the tree, and the sweep that must notice it does.

`mutants/NAME.patch` says in its first line what is wrong, then how. There are no switches for this in the
program itself.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.torture.vault import ROOT, scratch_folder

PATCHES = Path(__file__).with_name("mutants")
_TREE = ("vaultd", "cli", "tests", "docs", "pyproject.toml")
_KILLING = "tests/copies/test_killing.py::"
_PRUNING = "tests/jobs/test_prune_devices.py::"
_COPIES = "test_three_copies.py::test_three_copies_and_everything_that_happens_to_them[slice]"
# Mutant -> the sweep that must see it. Those of the second group are tried every time.
SLOW = {
    "away-counted": _COPIES,
    "condemned-believed": _PRUNING + "test_a_dead_page_in_a_pack_that_lives_leads_to_nothing",
    "seen-at-the-end": _PRUNING + "test_what_is_learnt_in_the_middle_is_not_said_to_be_known",
    "damage-relied-on": _COPIES,
    "heal-not-checked": _COPIES,
    "listing-trusted": _COPIES,
    "lossy-written": _COPIES,
    "older-written": _COPIES,
    "attic-forgotten": "tests/jobs/test_last_versions.py::test_a_deleted_file_and_a_deleted_folder",
    "box-not-verified": "test_damage.py::test_the_undamaged_vault_is_sound_and_gives_everything_back",
    "damage-not-marked": "test_damage.py::test_a_large_file_with_damaged_chunks_gets_another_name[slice]",
    "folder-not-flushed": "test_order.py::test_every_name_is_flushed_before_the_next_step",
    "id-kept-after-rollback": "test_local_state.py::test_lost_or_rolled_back_state_takes_a_new_device_id",
    "listing-not-asked": "test_local_state.py::test_a_pack_that_went_away_is_told_and_saved_again",
    "lock-not-taken": "test_local_state.py::test_a_second_writer_is_told_at_once[slice]",
    "lost-slot-not-missed": "test_damage.py::test_every_file_removed[slice]",
    "name-not-checked": "test_damage.py::test_every_byte_flipped[slice]",
    "open-to-others": "test_secrets.py::test_no_secret_is_anywhere[slice]",
    "passphrase-in-state": "test_secrets.py::test_no_secret_is_anywhere[slice]",
    "record-before-packs": "test_order.py::test_the_record_comes_after_everything_that_it_names",
    "renamed-over-damage": _KILLING + "test_killed_anywhere_a_put_over_damage_loses_neither",
    "settings-first": "test_kill.py::test_killed_before_the_first_way_into_a_vault",
    "short-write-believed": "test_faults.py::test_short_writes_to_the_copy",
    "wrong-identity-not-seen": "test_damage.py::test_the_file_that_says_which_vault_it_is[slice]",
}
QUICK = {
    "failure-swallowed": "test_faults.py::test_a_disk_that_fills_up_on_the_way[slice]",
    "file-not-flushed": "test_order.py::test_every_file_is_flushed_before_it_gets_its_name",
    "flipped-row-spreads": "test_local_state.py::test_rows_that_flipped_do_not_get_into_the_vault",
    "folders-kept": "test_local_state.py::test_a_pack_that_went_away_is_told_and_saved_again",
    "id-not-recomputed": "test_local_state.py::test_rows_that_name_another_blob_give_no_wrong_bytes",
    "lost-end-not-missed": "test_damage.py::test_every_file_removed[slice]",
    "sync-removes": _COPIES,
    "named-before-whole": "test_kill.py::test_a_stopped_restore_leaves_whole_files_only[slice]",
}
SWEEPS = SLOW | QUICK
CASES = [pytest.param(name, marks=pytest.mark.torture) for name in SLOW] + list(QUICK)


def mutated(name: str, folder: Path) -> None:
    """A copy of the tree with this fault in it. Fails where the patch does not fit any more."""
    for part in _TREE:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, symlinks=True)
        else:
            shutil.copyfile(ROOT / part, folder / part)
    patch(name, folder, "--quiet")


def patch(name: str, folder: Path, *options: str) -> None:
    """Apply a mutant in `folder`, which is no work tree of git."""
    words = ["git", "apply", *options, str(PATCHES / f"{name}.patch")]
    outside = {**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.parent)}
    done = subprocess.run(words, cwd=folder, env=outside, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"mutants/{name}.patch does not fit the tree: {done.stderr}"


def test_every_mutant_has_a_sweep() -> None:
    assert {path.stem for path in PATCHES.glob("*.patch")} == set(SWEEPS)
    for path in PATCHES.glob("*.patch"):
        assert re.match(r"[A-Z].*\.\n\n--- a/", path.read_text()), path


@pytest.mark.parametrize("name", sorted(SWEEPS))
def test_every_mutant_fits_the_tree(name: str, scratch: Path) -> None:
    shutil.copytree(ROOT / "vaultd", scratch / "vaultd", symlinks=True)
    patch(name, scratch)
    same = subprocess.run(
        ["diff", "-rq", "--no-dereference", str(ROOT / "vaultd"), str(scratch / "vaultd")], check=False
    )
    assert same.returncode == 1


@pytest.mark.parametrize("name", CASES)
def test_the_sweep_sees_the_mutant(name: str) -> None:
    with scratch_folder() as folder:
        mutated(name, folder)
        where = SWEEPS[name] if "/" in SWEEPS[name] else f"tests/torture/{SWEEPS[name]}"
        words = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "xdist", "-n0", "-m", "not torture", where]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        done = subprocess.run(words, cwd=folder, env=kept, capture_output=True, text=True, check=False)
        last = done.stdout.rstrip().rpartition("\n")[2]
        assert done.returncode == 1, f"nobody saw {name}\n{done.stdout[-3000:]}{done.stderr}"
        assert re.search(r"\d+ failed", last), f"{name} was not seen by an assertion\n{done.stdout[-3000:]}"
