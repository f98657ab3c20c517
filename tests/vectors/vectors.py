"""Vectors: one file is one failure. A text header, an empty line, then the raw bytes that must be refused.

name       what it is called, and its file name
structure  box, slot, page, list, record, index, log-file (bytes of that), or vault (a tar of a copy)
expect     a word of docs/format.md, section 12; or `unknown`: it is read and reported, and forbids deleting
comment    why
master, vault-id, box-kind, passphrase, key-file, attic, file   what is needed to open the bytes
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent / "data"
HASHES = Path(__file__).parent / "hashes.txt"
STRUCTURES = ("box", "slot", "page", "list", "record", "index", "log-file", "vault")
WORDS = (
    "digest", "truncated", "magic", "mode", "kind", "vault", "commit", "limit", "length", "padding", "tag",
    "codec", "id", "kdf", "canonical", "shape", "size", "name", "order", "depth", "chain", "missing", "needs",
)  # fmt: skip


@dataclass(frozen=True)
class Vector:
    """One vector. `more` holds the headers that its structure needs."""

    name: str
    structure: str
    expect: str
    comment: str
    data: bytes
    more: dict[str, str] = field(default_factory=dict)

    @property
    def file_name(self) -> str:
        return f"{self.name}.vector"

    def encode(self) -> bytes:
        header = {
            "name": self.name,
            "structure": self.structure,
            "expect": self.expect,
            "comment": self.comment,
        }
        text = "".join(f"{key}: {value}\n" for key, value in (header | self.more).items())
        return text.encode() + b"\n" + self.data

    def hash(self) -> str:
        return hashlib.sha256(self.encode()).hexdigest()


def load(path: Path) -> Vector:
    """A vector from its file."""
    text, _, data = path.read_bytes().partition(b"\n\n")
    header = dict(line.split(": ", 1) for line in text.decode().splitlines())
    fixed = {key: header.pop(key) for key in ("name", "structure", "expect", "comment")}
    return Vector(**fixed, data=data, more=header)


def load_all() -> list[Vector]:
    return [load(path) for path in sorted(HERE.glob("*.vector"))]
