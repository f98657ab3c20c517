"""A computer that has nothing left but a bucket: the vault in it is opened, read, written and checked."""

from pathlib import Path

import pytest

from tests.cli.worlds import PASSPHRASE, World, make
from tests.copies.radosgw import ACCESS, SECRET
from tests.copies.stores import BUCKET, Store, strict

PREFIX = "cli/whole"


@pytest.fixture
def store() -> Store:
    return strict()


@pytest.fixture
def world(tmp_path: Path, store: Store) -> World:
    """The copy of a vault stands in the bucket, and nowhere else; its keys in a file."""
    world = make(tmp_path, {"a": b"1", "folder/b": b"2"}, "photos")
    prefix = f"{PREFIX}/{tmp_path.name}"
    for path in (tmp_path / "vault").rglob("*"):
        if path.is_file():
            store.hands.put(f"{prefix}/{path.relative_to(tmp_path / 'vault')}", path.read_bytes())
    (tmp_path / "vault").rename(tmp_path / "lost")
    (tmp_path / "pass").write_text(PASSPHRASE.text)
    keys = tmp_path / "keys"
    keys.write_text(f"[default]\naws_access_key_id = {ACCESS}\naws_secret_access_key = {SECRET}\n")
    for secret in (keys, tmp_path / "pass"):
        secret.chmod(0o600)
    return world


def test_everything_is_done_with_a_copy_in_a_bucket(world: World, store: Store) -> None:
    url = f"s3://{BUCKET}/{PREFIX}/{world.work.name}?endpoint={store.endpoint}&keys={world.work}/keys"
    words = ("--home", str(world.work / "new"), "--passphrase-file", "pass")
    opened = world.vaultd("open", url, *words)
    assert opened.returncode == 0, opened.stderr
    assert world.vaultd("ls", "photos", *words).stdout == "a\nfolder/\n"
    assert world.vaultd("restore", "photos", "--target", "back", *words).returncode == 0
    assert (world.work / "back" / "folder" / "b").read_bytes() == b"2"
    (world.work / "source" / "c").write_bytes(b"3" * 100_000)
    taken = world.vaultd("source", "add", "source", "--name", "more", *words)
    assert taken.returncode == 0, taken.stderr
    saved = world.vaultd("snapshot", "more", *words)
    assert saved.returncode == 0, saved.stderr
    assert world.vaultd("cat", "more:c", *words).stdout == "3" * 100_000
    checked = world.vaultd("check", "--read-data", *words)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    for told in (opened, saved, checked, world.vaultd("status", *words), world.vaultd("doctor", *words)):
        assert "Traceback" not in told.stderr
        assert SECRET not in told.stdout + told.stderr
    kept = [path for path in (world.work / "new").rglob("*") if path.is_file()]
    assert not any(SECRET.encode() in path.read_bytes() for path in kept)


def test_what_is_wrong_with_the_store_is_said(world: World, store: Store) -> None:
    words = ("--home", str(world.work / "new"), "--passphrase-file", "pass")
    at = f"{PREFIX}/{world.work.name}?endpoint={store.endpoint}"
    for url, code, said in (
        (f"s3://{BUCKET}/{at}", 12, "AWS_ACCESS_KEY_ID"),
        (f"s3://{BUCKET}/{at}&keys={world.work}/none", 12, "chmod 600"),
        (f"s3://no-such-bucket/{at}&keys={world.work}/keys", 1, "NoSuchBucket"),
        (f"s3://{BUCKET}/nothing/{at}&keys={world.work}/keys", 10, "no vault"),
        (f"s3://{BUCKET}/{at}&colour=red", 2, "cannot be the place of a copy"),
        (f"s3://{ACCESS}:{SECRET}@{BUCKET}/x", 2, "cannot be the place of a copy"),
    ):
        refused = world.vaultd("open", url, *words)
        assert refused.returncode == code, (url, refused.stderr)
        assert said in refused.stderr
        assert SECRET not in refused.stderr
        assert world.vaultd("open", url, *words, VAULTD_LANG="zh").returncode == code


def test_a_copy_is_added_in_a_bucket_and_found_by_the_settings(world: World, store: Store) -> None:
    (world.work / "lost").rename(world.work / "vault")
    url = f"s3://{BUCKET}/{PREFIX}/{world.work.name}-added?keys={world.work}/keys"
    added = world.vaultd("copy", "add", "cloud", url, "--endpoint", store.endpoint)
    assert (added.returncode, "Protected" in added.stdout) == (0, True), added.stderr
    (world.work / "source" / "more").write_bytes(b"4" * 300_000)
    saved = world.vaultd("snapshot")
    assert (saved.returncode, "Protected" in saved.stdout) == (0, True), saved.stderr
    (world.work / "vault").rename(world.work / "lost")
    assert world.vaultd("restore", "photos", "--target", "back").returncode == 0
    assert (world.work / "back" / "more").read_bytes() == b"4" * 300_000
    second = world.vaultd("copy", "add", "cloud", f"{url}-2")
    assert (second.returncode, "is called" in second.stderr) == (1, True)
