"""docs/recover.py and vaultd.format behind one verb: read a vector's bytes, and say what became of them."""

import importlib.util
import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.vectors.vectors import Vector

RECOVER = Path(__file__).parents[2] / "docs" / "recover.py"
READ, UNKNOWN = "read", "unknown"


def load_recover() -> ModuleType:
    """docs/recover.py as a module of its own; it stands in no package."""
    spec = importlib.util.spec_from_file_location("recover", RECOVER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def by_recover(recover: Any, vector: Vector, folder: Path) -> str:
    """The word that recover.py refuses the bytes with, `unknown`, or `read`; not for whole vaults."""
    recover.UNKNOWN.clear()
    try:
        _RECOVER[vector.structure](recover, vector, folder)
    except recover.Refused as why:
        return str(why.word)
    return UNKNOWN if recover.UNKNOWN else READ


def _keys(vector: Vector) -> bytes:
    return bytes.fromhex(vector.more["master"] + vector.more["vault-id"])


def kinds(vector: Vector) -> tuple[int, ...]:
    """The kinds of box that may stand where this one stood."""
    kind = int(vector.more["box-kind"])
    return (1, 2) if kind in (1, 2) else (kind,)


def _recover_slot(recover: Any, vector: Vector, folder: Path) -> None:
    key_file = bytes.fromhex(vector.more["key-file"]) if "key-file" in vector.more else None
    recover.open_slot(vector.data, vector.more.get("passphrase"), key_file)


def _recover_box(recover: Any, vector: Vector, folder: Path) -> None:
    file = io.BytesIO(vector.data)
    key, blobs = recover.open_box(file, kinds(vector), _keys(vector))
    for blob in blobs:
        recover.open_blob(file, blob, key, _keys(vector))


def _recover_page(recover: Any, vector: Vector, folder: Path) -> None:
    for entry, _ in recover.parse_page(vector.data, "attic" in vector.more):
        if isinstance(entry, recover.Refused):
            raise entry


def _recover_log(recover: Any, vector: Vector, folder: Path) -> None:
    path = folder / vector.more["file"]
    path.parent.mkdir(parents=True)
    path.write_bytes(vector.data)
    _, why = recover.attempt(path, lambda file: _recover_box(recover, vector, folder))
    vault = recover.Vault([folder], _keys(vector))
    wrong = [why] if why else []
    vault.failed = lambda why, *names: wrong.append(why)
    vault.scan("log", (4,))
    vault.records()
    if wrong:
        raise wrong[0]


_RECOVER: dict[str, Callable[[Any, Vector, Path], object]] = {
    "slot": _recover_slot,
    "box": _recover_box,
    "page": _recover_page,
    "list": lambda recover, vector, folder: recover.parse_list(vector.data),
    "record": lambda recover, vector, folder: recover.parse_record(vector.data),
    "index": lambda recover, vector, folder: recover.decode(vector.data),
    "log-file": _recover_log,
}


def unpack(vector: Vector, folder: Path) -> Path:
    """A whole vault's copy, as a folder."""
    with tarfile.open(fileobj=io.BytesIO(vector.data)) as archive:
        archive.extractall(folder, filter="data")
    return folder
