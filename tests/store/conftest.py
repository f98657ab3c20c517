"""A vault on a real folder, with keys that need no passphrase."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vaultd.copies.directory import DirectoryCopy
from vaultd.format.box import BoxWriter
from vaultd.format.keys import Keys
from vaultd.store.state import State
from vaultd.store.vault import Vault

KEYS = Keys.from_master(bytes(range(32)), b"a vault's own id")
DEVICE = b"device-1"


class Places:
    """One copy on disk, opened as often as a test likes, with one state file or another."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.copy = folder / "copy"
        self.state = folder / "state.db"
        DirectoryCopy.create(self.copy, KEYS.vault_id, b"the copy's id...", "disk").close()

    def open(self, state: Path | None = None) -> Vault:
        copy = DirectoryCopy.open(self.copy, None, "disk", DEVICE.hex())
        vault = Vault(copy, KEYS, State(state or self.state, KEYS.vault_id))
        vault.sync()
        return vault

    def packs(self) -> list[Path]:
        return sorted(self.copy.glob("packs/*/*"))

    def logs(self) -> list[Path]:
        return sorted(self.copy.glob("log/*/*"))


def flip_finished(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """A bit at this place of every box flips as soon as it is finished."""
    finish = BoxWriter.finish

    def flipped(writer: BoxWriter, verify: bool = True) -> memoryview:
        box = finish(writer, verify)
        box[at] ^= 4
        return box

    monkeypatch.setattr(BoxWriter, "finish", flipped)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path)


@pytest.fixture
def vault(places: Places) -> Iterator[Vault]:
    vault = places.open()
    vault.journal.begin(vault.journal.device(None)[0])
    yield vault
    vault.close()


Opener = Callable[[], Vault]
