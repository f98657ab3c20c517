"""The key of this computer: in a file, in a keyring, handed over by systemd."""

import json
from pathlib import Path

import pytest

from tests.cli.worlds import World, make

SECRET = {"VAULTD_PASSPHRASE_FILE": "secret"}
BACKEND = {"PYTHON_KEYRING_BACKEND": "keyring_in_a_file.InAFile", "PYTHONPATH": str(Path(__file__).parent)}


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = make(tmp_path, {"a": b"1"}, "photos")
    (world.work / "secret").write_text("correct horse battery\n")
    (world.work / "secret").chmod(0o600)
    (world.work / "home/device.key").unlink()
    return world


def test_in_the_keyring_it_is_in_no_file_and_goes_with_its_slot(world: World) -> None:
    ring = BACKEND | {"KEYRING_FILE": str(world.work / "ring")}
    done = world.vaultd("key", "unlock", "--keyring", "--json", **ring, **SECRET)
    assert done.returncode in (0, 3), done.stderr
    slot = json.loads(done.stdout.splitlines()[0])["id"]
    assert not (world.work / "home/device.key").exists()
    (text,) = json.loads((world.work / "ring").read_text()).values()
    secret = text.split()[1]
    assert not any(secret in file.read_text(errors="replace") for file in home_files(world))
    assert world.vaultd("snapshots", **ring).returncode == 0
    locked = world.vaultd("snapshots", "--json", **BACKEND)
    assert locked.returncode == 12, locked.stderr
    started = world.vaultd("daemon", "start", **ring)
    assert started.returncode == 0, started.stderr
    assert world.vaultd("daemon", "stop").returncode == 0
    assert world.vaultd("key", "remove", slot, **ring, **SECRET).returncode in (0, 3)
    assert json.loads((world.work / "ring").read_text()) == {}


def home_files(world: World) -> list[Path]:
    return [file for file in (world.work / "home").rglob("*") if file.is_file()]


def test_a_keyring_that_does_not_take_it_changes_nothing(world: World) -> None:
    before = world.vaultd("key", "list", "--json", **SECRET).stdout
    refused = world.vaultd("key", "unlock", "--keyring", **BACKEND, **SECRET)
    assert (refused.returncode, "keyring" in refused.stderr) == (1, True)
    assert "Traceback" not in refused.stderr
    assert len(json.loads(world.vaultd("key", "list", "--json", **SECRET).stdout)) == len(json.loads(before))


def test_a_credential_of_systemd_opens_it(world: World) -> None:
    credentials = world.work / "credentials"
    credentials.mkdir()
    made = world.vaultd("key", "add", "--file", "credentials/vaultd.key", **SECRET)
    assert made.returncode in (0, 3), made.stderr
    handed = {"CREDENTIALS_DIRECTORY": str(credentials)}
    assert world.vaultd("snapshots", **handed).returncode == 0
    started = world.vaultd("daemon", "start", **handed)
    assert started.returncode == 0, started.stderr
    assert world.vaultd("daemon", "stop").returncode == 0
    refused = world.vaultd("daemon", "start", CREDENTIALS_DIRECTORY=str(world.work))
    assert refused.returncode == 12
