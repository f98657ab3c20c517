"""The key with which this computer opens the vault without asking: in a file of its owner's alone, in the
desktop's keyring, or handed over by systemd for as long as the service runs.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import ModuleType

from vaultd.credentials import KeyFile
from vaultd.errors import KeyringRefused, NeedsExtra
from vaultd.settings import Home, write_whole

# Of LoadCredential= and LoadCredentialEncrypted= (systemd.exec(5)).
CREDENTIAL = "vaultd.key"
_SERVICE = "vaultd"


def own_key(home: Home, environ: Mapping[str, str] = os.environ) -> KeyFile | None:
    """The key, or None where there is none, or the keyring does not give it; whatever became of it since."""
    places = [home.device_key_file]
    if folder := environ.get("CREDENTIALS_DIRECTORY"):
        places.append(Path(folder, CREDENTIAL))
    for place in places:
        with suppress(FileNotFoundError):
            return KeyFile(place.read_bytes())
    return _from_keyring(home) if _mark(home).exists() else None


def leave_in_file(home: Home, text: str) -> None:
    """Whoever can read the file can open the vault. Raises OSError."""
    write_whole(home.device_key_file, text.encode())
    _forget(home)


def put_in_keyring(home: Home, text: str) -> None:
    """Programs of the same user can ask for it while he is logged in, and nobody reads it from the disk. It
    is not used before `use_keyring`. Raises NeedsExtra, KeyringRefused.
    """
    keyring = _keyring()
    try:
        keyring.set_password(_SERVICE, _account(home), text)
        kept = keyring.get_password(_SERVICE, _account(home))
    except Exception as error:
        raise KeyringRefused from error
    if kept != text:
        raise KeyringRefused


def use_keyring(home: Home) -> None:
    """What was put there opens the vault from now on, and no file. Raises OSError."""
    write_whole(_mark(home), b"")
    home.device_key_file.unlink(missing_ok=True)


def drop(home: Home) -> None:
    """Leave it nowhere. That it is nowhere is not an error, nor a keyring that does not answer: what it keeps
    opens nothing once the key is removed from the vault.
    """
    home.device_key_file.unlink(missing_ok=True)
    _forget(home)


def _forget(home: Home) -> None:
    if not _mark(home).exists():
        return
    with suppress(Exception):
        _keyring().delete_password(_SERVICE, _account(home))
    _mark(home).unlink(missing_ok=True)


def _from_keyring(home: Home) -> KeyFile | None:
    with suppress(Exception):  # locked, or nobody is logged in: then it asks, or says what is missing
        if text := _keyring().get_password(_SERVICE, _account(home)):
            return KeyFile(str(text).encode())
    return None


def _keyring() -> ModuleType:
    try:
        import keyring
    except ImportError:
        raise NeedsExtra("keyring") from None
    return keyring


def _account(home: Home) -> str:
    """A home has a key of its own."""
    return f"key of {home.config}"


def _mark(home: Home) -> Path:
    """To ask a keyring takes long, so it is asked only where something was left there."""
    return home.config / "device.keyring"
