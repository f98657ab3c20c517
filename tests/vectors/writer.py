"""A second writer of the format, made from docs/format.md alone, for vectors and golden copies.

It shares no code with vaultd/ and none with docs/recover.py, and it can write what must be refused: every
part that a reader checks is an argument. It is deterministic: salts come from a counter, times are given.
"""

import io
import struct
import tarfile
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgpack
import zstandard
from blake3 import blake3
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

CHUNK, PAGE, LIST, INDEX, RECORD = 1, 2, 3, 4, 5
FILE, FOLDER, SYMLINK, FIFO, SOCKET, CHAR, BLOCK = 1, 2, 3, 4, 5, 6, 7
MASTER = bytes(range(32))
VAULT_ID = bytes(range(0xA0, 0xB0))
PASSPHRASE = "a golden phrase 一句话"
KEY_FILE_SECRET = bytes(range(64, 96))
NOON = 1_700_000_000_123_456_789


def pack(value: Any) -> bytes:
    """Canonical MessagePack: the keys of maps are put in order."""
    return bytes(msgpack.packb(_sorted(value)))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value, key=_key_bytes)}
    if isinstance(value, (list, tuple)):
        return [_sorted(item) for item in value]
    return value


def _key_bytes(key: Any) -> bytes:
    return key if isinstance(key, bytes) else str(key).encode()


def derive(context: str, material: bytes, length: int = 32) -> bytes:
    return bytes(blake3(material, derive_key_context=context).digest(length))


def digest(data: bytes) -> bytes:
    return bytes(blake3(data).digest())


def padme(length: int) -> int:
    """The length that a box of `length` bytes is padded to."""
    length = max(length, 1024)
    exponent = length.bit_length() - 1
    step = 1 << (exponent - exponent.bit_length())
    return -(-length // step) * step


@dataclass
class Blob:
    """One blob to be sealed; each `None` is worked out, anything else is written as it stands."""

    type: int
    plain: bytes
    codec: int | None = None
    stored: bytes | None = None
    id: bytes | None = None
    sealed_len: int | None = None
    plain_len: int | None = None
    break_tag: bool = False


@dataclass
class Maker:
    """Whose keys things are sealed with, and where their salts come from."""

    master: bytes = MASTER
    vault_id: bytes = VAULT_ID
    seed: str = "golden"
    count: int = field(default=0, init=False)

    def salt(self, length: int = 32) -> bytes:
        self.count += 1
        return derive("tests/vectors salt", f"{self.seed} {self.count}".encode(), length)

    def id(self, type_: int, plain: bytes) -> bytes:
        key = derive("vaultd v1 blob id", self.master + self.vault_id + bytes([type_]))
        return bytes(blake3(plain, key=key).digest())

    def box(
        self,
        kind: int,
        blobs: Iterable[Blob],
        *,
        magic: bytes = b"VAULTBX1",
        mode: int = 0,
        zeros: bytes = bytes(6),
        key_kind: int | None = None,
        flip_commit: bool = False,
        count: int | None = None,
        pad: Callable[[bytes], bytes] = lambda zeros: zeros,
        trailer_len: int | None = None,
        end: bytes = b"BXE1",
        between: bytes = b"",
        padded: bool = True,
    ) -> bytes:
        blobs = list(blobs)
        head = magic + bytes([kind, mode]) + zeros + self.vault_id + self.salt()
        box_key = derive("vaultd v1 box key", self.master + self.vault_id + bytes([key_kind or kind]))
        okm = derive("vaultd v1 box", box_key + head, 64)
        commit = bytes([okm[32] ^ flip_commit]) + okm[33:]
        cipher = AESGCM(okm[:32])
        pairs = [self._seal(cipher, place, blob) for place, blob in enumerate(blobs)]
        body, table = b"".join(sealed for sealed, _ in pairs) + between, b"".join(row for _, row in pairs)
        trailer = struct.pack("<I", len(blobs) if count is None else count) + table
        bare = 96 + len(body) + len(trailer) + 16 + 8
        trailer += pad(bytes(padme(bare) - bare if padded else 0))
        sealed_trailer = cipher.encrypt(struct.pack("<IQ", 1, 0), trailer, None)
        said = len(sealed_trailer) if trailer_len is None else trailer_len
        return head + commit + body + sealed_trailer + struct.pack("<I", said) + end

    def _seal(self, cipher: AESGCM, place: int, blob: Blob) -> tuple[bytes, bytes]:
        codec, stored = blob.codec, blob.stored
        if stored is None:
            small = zstandard.ZstdCompressor(level=3, write_content_size=True).compress(blob.plain)
            if codec is None:
                codec = int(len(small) < len(blob.plain))
            stored = small if codec == 1 else blob.plain
        sealed = cipher.encrypt(struct.pack("<IQ", 0, place), stored, None)
        if blob.break_tag:
            sealed = sealed[:-1] + bytes([sealed[-1] ^ 1])
        ident = self.id(blob.type, blob.plain) if blob.id is None else blob.id
        sealed_len = len(sealed) if blob.sealed_len is None else blob.sealed_len
        plain_len = len(blob.plain) if blob.plain_len is None else blob.plain_len
        row = struct.pack("<32sBBII", ident, blob.type, codec or 0, sealed_len, plain_len)
        return sealed, row

    def slot(
        self,
        passphrase: str | None = PASSPHRASE,
        *,
        secret: bytes | None = None,
        magic: bytes = b"VAULTKY1",
        role: int = 1,
        kdf: int | None = None,
        costs: tuple[int, int, int] | None = None,
        zero: int = 0,
        zeros: bytes = bytes(12),
        flip_commit: bool = False,
        flip_tag: bool = False,
        bundle: bytes | None = None,
    ) -> bytes:
        """A key slot of 512 bytes. `costs` are p, m_kib and t as they are written."""
        kdf = (1 if passphrase is not None else 2) if kdf is None else kdf
        p, m_kib, t = costs or ((1, 65536, 3) if kdf == 1 else (0, 0, 0))
        salt = self.salt(16)
        head = (
            magic
            + bytes([role, kdf, p & 255, zero])
            + struct.pack("<II", m_kib, t)
            + self.vault_id
            + salt
            + zeros
        )
        if secret is None:
            typed = unicodedata.normalize("NFC", passphrase or "").encode()
            secret = Argon2id(salt=salt, length=32, iterations=t, lanes=p, memory_cost=m_kib).derive(typed)
        okm = derive("vaultd v1 slot", secret + head, 64)
        commit = bytes([okm[32] ^ flip_commit]) + okm[33:]
        if bundle is None:
            bundle = pack({"created": NOON, "label": "golden", "master": self.master, "v": 1})
        sealed = AESGCM(okm[:32]).encrypt(bytes(12), bundle.ljust(400, b"\0"), None)
        if flip_tag:
            sealed = sealed[:-1] + bytes([sealed[-1] ^ 1])
        return head + commit + sealed


def entry(
    name: bytes, kind: int = FILE, content: Any = None, size: int = 0, extra: Any = None, **fixed: int
) -> list[Any]:
    """An entry's array; `fixed` may hold mode, uid, gid, mtime."""
    if kind == FILE and content is None:
        content = []
    mode = fixed.get("mode", 0o755 if kind == FOLDER else 0o644)
    owner = [fixed.get("uid", 1000), fixed.get("gid", 1001)]
    return [name, kind, mode, *owner, fixed.get("mtime", NOON), size, content, extra or {}]


@dataclass
class Copy:
    """The files of one copy, in memory."""

    maker: Maker = field(default_factory=Maker)
    files: dict[str, bytes] = field(default_factory=dict)
    pending: dict[bytes, Blob] = field(default_factory=dict)

    def blob(self, type_: int, plain: bytes) -> bytes:
        """Keep a blob for the next pack, and return its id."""
        ident = self.maker.id(type_, plain)
        self.pending.setdefault(ident, Blob(type_, plain))
        return ident

    def file(
        self, name: bytes, data: bytes, pieces: int = 1 << 20, extra: Any = None, **fixed: int
    ) -> list[Any]:
        """An entry of a file whose content stands in chunks of `pieces` bytes."""
        return entry(name, FILE, self.content(data, pieces), len(data), extra, **fixed)

    def content(self, data: bytes, pieces: int = 1 << 20, fan: int = 8192) -> Any:
        chunks = [data[i : i + pieces] for i in range(0, len(data), pieces)]
        pairs: list[Any] = [[self.blob(CHUNK, chunk), len(chunk)] for chunk in chunks]
        if len(pairs) <= 64:
            return pairs
        for level in range(4):
            groups = [pairs[i : i + fan] for i in range(0, len(pairs), fan)]
            pairs = [[self.blob(LIST, pack([level, 1, g])), sum(n for _, n in g)] for g in groups]
            if len(pairs) == 1:
                break
        return pairs[0][0]

    def folder(
        self, entries: Iterable[list[Any]], per_page: int = 512, fan: int = 8192, attic: bool = False
    ) -> bytes:
        """The id of a folder's content; entries are put in order."""
        inside = sorted(entries, key=lambda e: (e[0], pack(e) if attic else b""))
        pages = [inside[i : i + per_page] for i in range(0, len(inside), per_page)] or [[]]
        items: list[Any] = [[self.blob(PAGE, pack(page)), page[0][0] if page else b""] for page in pages]
        level = 0
        while len(items) > 1:
            groups = [items[i : i + fan] for i in range(0, len(items), fan)]
            items = [[self.blob(LIST, pack([level, 2, g])), g[0][1]] for g in groups]
            level += 1
        return bytes(items[0][0])

    def pack(self, kind: int = 1, blobs: Iterable[Blob] | None = None, **odd: Any) -> bytes:
        """Seal the pending blobs (or these) as one pack, and return its hash."""
        if blobs is None:
            blobs, self.pending = list(self.pending.values()), {}
        return self.add("packs/{0:.2}/{0}", self.maker.box(kind, blobs, **odd))

    def add(self, name: str, data: bytes) -> bytes:
        self.files[name.format(digest(data).hex())] = data
        return digest(data)

    def slot(self, *args: Any, **odd: Any) -> bytes:
        return self.add("keys/{}", self.maker.slot(*args, **odd))

    def log(self, device: bytes, seq: int, records: Iterable[bytes], **odd: Any) -> bytes:
        """A log file that is named after `device` and `seq`, whatever the records say."""
        box = self.maker.box(4, [Blob(RECORD, plain) for plain in records], **odd)
        return self.add(f"log/{device.hex()}/{seq:010}-" + "{}", box)

    def snapshot(self, device: bytes, seq: int, prev: bytes | None, root: bytes, /, **changes: Any) -> bytes:
        """The bytes of a snapshot's record; `changes` go into the body, or after `record_` beside it."""
        outer = {key[7:]: value for key, value in changes.items() if key.startswith("record_")}
        body = {
            "attic": None, "complete": True, "ended": NOON + seq, "errors": [], "host": "golden",
            "counts": dict.fromkeys(("bytes", "changed", "files", "folders", "others", "read", "stored"), 0),
            "kind": "files",
            "name": "home", "offset": 60, "packs": [], "parents": [], "path": b"/home", "source": bytes(16),
            "root": entry(b"", FOLDER, root), "started": NOON,
        }  # fmt: skip
        body |= {key: value for key, value in changes.items() if not key.startswith("record_")}
        return self.record("snapshot", device, seq, prev, body, **outer)

    def record(
        self, kind: str, device: bytes, seq: int, prev: bytes | None, body: Any, /, **changes: Any
    ) -> bytes:
        value = {
            "body": body, "device": device, "kind": kind, "needs_read": [], "prev": prev,
            "salt": self.maker.salt(16), "seen": [], "seq": seq, "time": NOON + seq * 10**9, "v": 1,
        }  # fmt: skip
        return pack(value | changes)

    def identity(self, copy_id: bytes = bytes(16)) -> None:
        self.files["vault.id"] = f"vaultd 1\n{self.maker.vault_id.hex()}\n{copy_id.hex()}\n".encode()

    def write(self, folder: Path) -> None:
        for name, data in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)

    def tar(self) -> bytes:
        """All files as an uncompressed tar with nothing in it that differs from one run to the next."""
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for name in sorted(self.files):
                info = tarfile.TarInfo(name)
                info.size = len(self.files[name])
                archive.addfile(info, io.BytesIO(self.files[name]))
        return out.getvalue().rstrip(b"\0") + bytes(1024 + -len(out.getvalue().rstrip(b"\0")) % 512)
