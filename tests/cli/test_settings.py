"""config.toml and the folders: nothing is lost, nothing is half written, nothing is readable by others."""

import os
import stat
from pathlib import Path

import pytest

from vaultd import settings
from vaultd.errors import BadSettings, NoVault
from vaultd.settings import Home, Place, Settings, find_home, load, save

VAULT, COPY = bytes(range(16)), bytes(range(16, 32))


@pytest.fixture
def here(tmp_path: Path) -> Home:
    return find_home(str(tmp_path / "here"), {})


def write(home: Home, text: str) -> None:
    home.make()
    home.config_file.write_text(text)


def test_what_is_saved_is_loaded(here: Home) -> None:
    told = Settings(VAULT, (Place("移动硬盘", "/media/硬盘/vault", COPY),))
    save(here, told)
    assert load(here) == told


def test_files_are_for_their_owner_only(here: Home) -> None:
    os.umask(0)
    save(here, Settings(VAULT))
    assert stat.S_IMODE(here.config_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(here.config.stat().st_mode) == 0o700


def test_what_a_newer_version_wrote_is_kept(here: Home) -> None:
    write(
        here,
        f'vault_id = "{VAULT.hex()}"\nspeed = 3\n[guard]\non = true\n'
        f'[[copies]]\nlabel = "a"\nurl = "/a"\ncopy_id = "{COPY.hex()}"\nslow = true\n',
    )
    save(here, load(here))
    again = load(here)
    assert again.unknown == {"speed": 3, "guard": {"on": True}}
    assert again.copies == (Place("a", "/a", COPY, {"slow": True}),)


def test_no_file_is_no_vault(here: Home) -> None:
    with pytest.raises(NoVault):
        load(here)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("vault_id = ", "Invalid value"),
        ("", "vault_id"),
        ('vault_id = "abc"', "vault_id"),
        ('vault_id = "00"', "vault_id"),
        ("vault_id = 3", "vault_id"),
        (f'vault_id = "{VAULT.hex()}"\ncopies = 3', "copies"),
        (f'vault_id = "{VAULT.hex()}"\n[[copies]]\nlabel = 1', "label"),
        (f'vault_id = "{VAULT.hex()}"\n[[copies]]\nlabel = "a"\nurl = "/"\ncopy_id = "zz"', "copy_id"),
    ],
)
def test_a_file_that_makes_no_sense_says_where(here: Home, text: str, problem: str) -> None:
    write(here, text)
    with pytest.raises(BadSettings) as caught:
        load(here)
    assert caught.value.path == str(here.config_file)
    assert problem in caught.value.problem


def test_a_save_that_fails_leaves_the_old_file(here: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    save(here, Settings(VAULT))
    before = here.config_file.read_bytes()

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(settings.os, "fsync", full_disk)  # type: ignore[attr-defined]
    with pytest.raises(OSError, match="No space"):
        save(here, Settings(COPY))
    assert [path.name for path in here.config.iterdir()] == ["config.toml"]
    assert here.config_file.read_bytes() == before


def test_the_file_is_durable_before_it_has_its_name(here: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def seen_fsync(descriptor: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def seen_replace(self: Path, target: Path) -> Path:
        steps.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", seen_fsync)
    monkeypatch.setattr(Path, "replace", seen_replace)
    save(here, Settings(VAULT))
    assert steps == ["file", "rename", "folder"]


def test_one_variable_moves_everything() -> None:
    home = find_home(None, {"VAULTD_HOME": "/v", "XDG_CONFIG_HOME": "/x", "HOME": "/h"})
    files = [home.config_file, home.state_file, home.lock_file, home.device_key_file, home.socket_file]
    assert {path.parent for path in files} == {Path("/v")}
    assert len(set(files)) == len(files)
    assert find_home("/asked", {"VAULTD_HOME": "/v"}).config == Path("/asked")


def test_the_usual_places_of_a_desktop() -> None:
    assert find_home(None, {"HOME": "/h"}) == Home(
        Path("/h/.config/vaultd"), Path("/h/.local/state/vaultd"), Path("/h/.local/state/vaultd")
    )
    xdg = {"HOME": "/h", "XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "relative", "XDG_RUNTIME_DIR": "/run/1"}
    assert find_home(None, xdg) == Home(
        Path("/c/vaultd"), Path("/h/.local/state/vaultd"), Path("/run/1/vaultd")
    )
