#!/usr/bin/env python3
# fmt: off
# ruff: noqa: B007, B020, B023, C901, E401, E501, E701, E702, E731, I001, PLW2901, PYI024
"""Gets files back out of a vaultd vault, without vaultd: needs Python 3.11 or newer and four libraries.

    python3 -m venv env && env/bin/pip install blake3 cryptography zstandard msgpack
    env/bin/python recover.py list COPY...
    env/bin/python recover.py restore COPY... SNAPSHOT[:PATH] TARGET [--deleted]

It asks for the passphrase or the recovery code. COPY is a folder that holds packs/ and log/; it is only read. Of many
copies of one vault, what is damaged in one is taken from another. SNAPSHOT is an id as `list` shows it, the name of a
source (its newest), or `latest`. TARGET is a new or empty folder. --deleted restores what earlier snapshots had and
this one has not. What cannot be had is listed, with a word of section 12 of FORMAT.md, which says what every byte is;
a file that lost parts is kept as NAME.vaultd-damaged, with zeros for them. Exit codes: 0 done, 1 failed, 2 usage, 3 not
all can be made here, 10 nothing found, 12 wrong key, 20 something that was asked for is damaged or missing."""
import argparse, collections, errno, getpass, hashlib, itertools, os, pathlib, re, sqlite3, struct, sys, time
import unicodedata, msgpack, zstandard; from blake3 import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
CHUNK, PAGE, LIST, INDEX, RECORD, FILE, FOLDER, SYMLINK, FIFO = 1, 2, 3, 4, 5, 1, 2, 3, 4  # types of blobs, of entries
HOLDS = {1: (CHUNK, PAGE, LIST), 2: (PAGE, LIST), 3: (INDEX,), 4: (RECORD,)}  # by kind of box
NAMES = re.compile("keys/[0-9a-f]{64}|packs/([0-9a-f]{2})/\\1[0-9a-f]{62}|log/[0-9a-f]{16}/[0-9]{10}-[0-9a-f]{64}")
TWINS, OPEN = ".recover-hard-links", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
TROUBLE = (OSError, ValueError, OverflowError, AttributeError)  # with what is written to
UNKNOWN = set()  # what only a newer vaultd knows: read past, and told at the end
Blob = collections.namedtuple("Blob", "place offset id type codec sealed plain")
Entry = collections.namedtuple("Entry", "name kind mode uid gid mtime size content extra")
Record = collections.namedtuple("Record", "id device seq prev time kind body")
Tree = collections.namedtuple("Tree", "content attic beside")  # beside: the root's folder at this path of the attic
class Refused(Exception):  # bytes that the format does not allow; `word` is one of section 12
    def __init__(self, word, what=""): self.word = word; super().__init__(f"{word} {what}".strip())
def refuse(what="", **wrong):  # refuse(tag=False, size=True) raises Refused("size")
    for word in (word for word in wrong if wrong[word]): raise Refused(word, what)
def show(name):  # bytes or text out of the vault, as text that a terminal does not obey
    text = name.decode(errors="backslashreplace") if isinstance(name, bytes) else str(name)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
def tell(*words): print(*map(show, words), file=sys.stderr)
def stop(code, line): raise SystemExit(tell(line) or code)
# --- MessagePack (section 2), and the shapes of everything (sections 4, 6, 7, 9) ---
def canonical(value, depth=1):  # the value, with the keys of its maps in order
    refuse(canonical=not isinstance(value, dict | list | bytes | str | int | None))
    refuse(depth=depth > 16 and isinstance(value, dict | list))
    if not isinstance(value, dict): return [canonical(v, depth + 1) for v in value] if type(value) is list else value
    keys = {key: key if isinstance(key, bytes) else key.encode() for key in value}
    refuse(canonical=len({*keys.values()}) < len(keys))  # "a" and b"a"
    return {key: canonical(value[key], depth + 1) for key in sorted(keys, key=keys.get)}
def decode(data, padded=False):
    try:
        reader = msgpack.Unpacker(strict_map_key=False, max_buffer_size=len(data)); reader.feed(data)
        value, end = reader.unpack(), reader.tell() if padded else len(data)
        refuse(canonical=msgpack.packb(canonical(value)) != data[:end], padding=any(data[end:])); return value
    except (RecursionError, msgpack.StackError): raise Refused("depth") from None
    except (AttributeError, TypeError): raise Refused("shape", "key of a map") from None
    except (ValueError, msgpack.UnpackException): raise Refused("canonical") from None
def fits(v, shape):  # a shape: a type, None, a bin's length, a range, [items], (item, item), {keys: values}, or a test
    sort, is_list = type(shape), type(v) is list
    return (type(v) is shape if sort is type else v is None if shape is None else shape(v) if callable(shape)
            else type(v) is bytes and len(v) == shape if sort is int else type(v) is int and v in shape if sort is range
            else is_list and all(fits(item, shape[0]) for item in v) if sort is list
            else is_list and len(v) == len(shape) and all(map(fits, v, shape)) if sort is tuple
            else type(v) is dict and fits([list(pair) for pair in v.items()], [*shape.items()]))
def either(*shapes): return lambda value: any(fits(value, shape) for shape in shapes)
INT, NATURAL, POSITIVE, CHUNKS = range(-2**63, 2**63), range(2**63), range(1, 2**63), [(32, range(1, 2**63))]
CONTENT = either(lambda value: fits(value, CHUNKS) and len(value) <= 64, 32)
ENTRY = (bytes, INT, range(0o10000), INT, INT, INT, INT)
EXTRA = {"birth": INT, "hard": 16, "how": str, "link": either(bytes, CHUNKS), "missed": INT, "owner": (str, str),
         "rdev": (NATURAL, NATURAL), "sparse": either([(INT, INT)], CHUNKS), "stale": (str, INT),
         "xattr": {bytes: either(bytes, CHUNKS)}}
LISTS = either((range(4), range(1, 2), CHUNKS), (range(4), range(2, 3), [(32, bytes)]))
RECORDS = {"body": dict, "device": 8, "kind": str, "needs_read": [str], "prev": either(32, None), "salt": 16,
           "seen": [(8, POSITIVE, 32)], "seq": POSITIVE, "time": INT, "v": INT}
SNAPSHOT = {"attic": either(32, None), "complete": bool, "counts": {str: NATURAL}, "ended": INT,
            "errors": [(bytes, str, str)], "host": str, "kind": str, "name": str, "offset": INT,
            "packs": [32], "parents": [32], "path": bytes, "root": list, "source": 16, "started": INT}
def check_keys(value, known, what, full=True):
    refuse(what, shape=type(value) is not dict or {*map(type, value)} - {str} or (full and known.keys() - value.keys()))
    for key in value.keys() & known.keys(): refuse(f"{key} of {what}", shape=not fits(value[key], known[key]))
    UNKNOWN.update(f"key {key!r} of {what}" for key in value.keys() - known.keys())
# --- Keys, slots and boxes (sections 3 to 5). `keys` is M || vault_id, 48 bytes ---
def derive(context, material, length=32): return blake3(material, derive_key_context=context).digest(length)
def unseal(key, number, place, sealed):
    try: return AESGCM(key).decrypt(struct.pack("<IQ", number, place), sealed, None)
    except InvalidTag: raise Refused("tag") from None
def open_slot(data, passphrase=None, key_file=None):  # keys, by a str or 32 bytes; `commit` if they do not open it
    refuse("key slot", truncated=len(data) < 512, length=len(data) > 512)
    magic, role, kdf, p, zero, m, t, vault_id, salt, zeros = struct.unpack("<8s4B2I16s16s12s", data[:64])
    cheap = 65_536 <= m <= 2_097_152 and 3 <= t <= 10 and 1 <= p <= 8 if kdf == 1 else not (m or t or p)
    refuse(magic=magic != b"VAULTKY1", kdf=role != 1 or kdf not in (1, 2) or zero or any(zeros) or not cheap)
    refuse("of another sort of key", commit=(passphrase if kdf == 1 else key_file) is None)
    argon2 = Argon2id(salt=salt, length=32, iterations=t, lanes=p, memory_cost=m) if kdf == 1 else None
    secret = argon2.derive(unicodedata.normalize("NFC", passphrase).encode()) if argon2 else key_file
    okm = derive("vaultd v1 slot", secret + data[:64], 64); refuse(commit=okm[32:] != data[64:96])
    bundle = decode(unseal(okm[:32], 0, 0, data[96:]), padded=True)
    check_keys(bundle, {"created": INT, "label": str, "master": 32, "v": range(1, 2)}, "a key slot")
    return bundle["master"] + vault_id
def open_box(file, kinds, keys):  # (key, blobs) of a box, from a seekable binary file; no blob is read
    length, head = file.seek(0, os.SEEK_END), (file.seek(0), file.read(96))[1]
    refuse(truncated=length < 1024, limit=length > 256 << 20)
    refuse(magic=head[:8] != b"VAULTBX1", mode=head[9] != 0, kind=head[8] not in kinds, padding=any(head[10:16]),
           vault=head[16:32] != keys[32:])
    okm = derive("vaultd v1 box", derive("vaultd v1 box key", keys + head[8:9]) + head[:64], 64)
    refuse(commit=okm[32:] != head[64:96]); file.seek(length - 8); size, end = struct.unpack("<I4s", file.read(8))
    refuse(truncated=end != b"BXE1", length=not 20 <= size <= length - 8 - 96)
    file.seek(length - 8 - size); trailer = unseal(okm[:32], 1, 0, file.read(size))
    count, blobs, offset = int.from_bytes(trailer[:4], "little"), [], 96
    refuse("of a trailer", limit=not 0 < count <= 1 << 20, length=4 + 42 * count > len(trailer))
    table = struct.iter_unpack("<32sBBII", trailer[4:4 + 42 * count])
    for place, (ident, type_, codec, sealed, plain) in enumerate(table):
        right = sealed == plain + 16 if codec == 0 else 16 < sealed < plain + 16 and codec == 1
        refuse("of a blob", kind=type_ not in HOLDS[head[8]], limit=not 0 < plain <= 16 << 20, codec=not right)
        blobs.append(Blob(place, offset, ident, type_, codec, sealed, plain)); offset += sealed
    refuse("of a trailer", length=offset + size + 8 != length, padding=any(trailer[4 + 42 * count:]))
    return okm[:32], blobs
def open_blob(file, blob, key, keys):
    file.seek(blob.offset); plain = unseal(key, 0, blob.place, file.read(blob.sealed))
    if blob.codec:
        try:
            frame = zstandard.get_frame_parameters(plain)
            refuse(codec=plain[:4] != b"\x28\xb5\x2f\xfd" or frame.dict_id or frame.content_size != blob.plain)
            plain = zstandard.ZstdDecompressor().decompress(plain, max_output_size=blob.plain, allow_extra_data=False)
        except zstandard.ZstdError as why: raise Refused("codec", why) from None
    ident = blake3(plain, key=derive("vaultd v1 blob id", keys + bytes([blob.type]))).digest()
    return refuse(codec=len(plain) != blob.plain, id=ident != blob.id) or plain
# --- What the blobs say (sections 6 to 9) ---
def parse_list(plain, attic=False):  # [level, type of the leaves, items] of a list
    value = decode(plain); refuse("list", shape=not LISTS(value) or not 1 <= len(value[2]) <= 8192)
    names = [name for _, name in value[2]] if value[1] == PAGE else []
    return refuse("list", order=any(b < a or (b == a and not attic) for a, b in itertools.pairwise(names))) or value
def check_sparse(parts, size, content):  # how many bytes the parts of a sparse file hold
    refuse("sparse", shape=not fits(parts, [(INT, INT)]))
    ends, held = [-1, *(offset + length for offset, length in parts)], sum(length for _, length in parts)
    wrong = any(offset <= end or length < 1 for end, (offset, length) in zip(ends, parts, strict=False))
    refuse(size=wrong or ends[-1] > size or (type(content) is list and sum(n for _, n in content) != held))
    return held
def parse_entry(value, root=False):
    refuse("entry", shape=type(value) is not list or len(value) < 9 or not fits(value[:7], ENTRY))
    name, kind, _, _, _, _, size, content, extra = entry = Entry(*value[:9])
    bad = len(name) > 1024 or name in (b"", b".", b"..") or b"/" in name or b"\0" in name
    refuse(show(name), name=name if root else bad, shape=len(msgpack.packb(value)) > 65536)
    if len(value) > 9: UNKNOWN.add("tenth position of an entry")
    if kind not in range(1, 8): UNKNOWN.add(f"kind {kind} of an entry"); return entry._replace(extra={})
    check_keys(extra, EXTRA, "an entry", full=False)
    link, parts = extra.get("link"), extra.get("sparse", [[0, size]] if size else [])
    right = fits(content, {FILE: CONTENT, FOLDER: 32}.get(kind)) and size >= 0
    target = sum(n for _, n in link) if type(link) is list else len(link or b"")
    refuse(show(name), shape=not right or (kind == SYMLINK) != (link is not None), size=kind != FILE and size != target)
    if kind == FILE and fits(parts, [(INT, INT)]): check_sparse(parts, size, content)
    return entry
def sign(entry): return msgpack.packb([entry.kind, entry.content, entry.extra.get("link")])
def parse_page(plain, attic=False, after=None):  # of each (entry or Refused, key of the last good one)
    refuse("page", shape=type(value := decode(plain)) is not list or len(value) > 512)
    for item in value:
        try:
            entry = parse_entry(item); key = (entry.name, msgpack.packb(item) if attic else b"")
            refuse(show(entry.name), order=after is not None and key <= after)
            after = key; yield entry, after
        except Refused as why: yield why, after
def parse_record(plain):
    value = decode(plain); refuse("record", shape=type(value) is not dict or type(value.get("v")) is not int)
    refuse(f"v {value['v']} {value.get('needs_read')}", needs=value["v"] != 1 or value.get("needs_read"))
    check_keys(value, RECORDS, "a record"); kind, body = value["kind"], value["body"]
    ok = """snapshot device source copy-added copy-retired heal key-added key-removed notice attempt acknowledge hold
        unhold forget restore-from-trash attic-remove condemn purge incident device-retired"""
    UNKNOWN.update([f"record {kind!r}"] * (kind not in ok.split()))
    lists = [body.get(key, []) for key in ("answers", "snapshots")] * (kind in ok.split())
    refuse(kind, shape=not fits(lists, [[32]]))
    if kind == "snapshot":
        check_keys({key: body[key] for key in body if key != "tags"}, SNAPSHOT, "a snapshot")
        body["root"] = parse_entry(body["root"], root=True); refuse("root", shape=body["root"].kind != FOLDER)
    refuse("prev", chain=(value["seq"] == 1) != (value["prev"] is None))
    return Record(blake3(plain).digest(), *map(value.get, ("device", "seq", "prev", "time")), kind, body)
# --- Reading copies (sections 1 and 11) ---
def files(copies, *folders):  # {name: its path in each copy} of what these folders of the copies hold
    found = {}
    for copy, folder in itertools.product(map(pathlib.Path, copies), folders):
        for path in filter(pathlib.Path.is_file, copy.glob(f"{folder}/**/*")):
            found.setdefault(str(path.relative_to(copy)), []).append(path)
    return {name: found[name] for name in sorted(found) if NAMES.fullmatch(name)}
def attempt(path, work, quiet=""):  # (what `work` makes of an open file, None) or (None, why not), which is told
    try:
        with open(path, "rb") as file:
            try: return work(file), None
            except Refused as why:
                file.seek(0); named = hashlib.file_digest(file, blake3).hexdigest() == path.name[-64:]
                wrong = why if named else Refused("digest", f"({why})")
    except OSError as why: wrong = Refused("missing", why)
    return (tell(path, wrong) if wrong.word != quiet else None), wrong
class Vault:  # the union of some copies of one vault
    def __init__(self, copies, keys):
        self.copies, self.keys, self.boxes, self.files, self.bytes = copies, keys, {}, 0, 0  # the last two: restored
        self.code, self.path = 0, []  # the exit code so far; names of the folders that lead to where we are
        self.blobs = sqlite3.connect("")  # a temporary file, so that memory does not grow with the vault
        self.blobs.execute("create table blob (box, place, offset, id, type, codec, sealed, plain)")
        self.blobs.execute("create index ids on blob (id)")
    def failed(self, why, *names):  # tell what cannot be had, or cannot be made on this disk
        self.code = 20 if isinstance(why, Refused) else self.code or 3
        tell(b"/".join([*self.path, *names]) or "/", why)
        if getattr(why, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EROFS): stop(1, "The target is full.")
    def scan(self, folder, kinds):  # note where the blobs of a folder's boxes are
        for name, paths in files(self.copies, folder).items():
            tries = (attempt(path, lambda file: open_box(file, kinds, self.keys))[0] for path in paths)
            key, blobs = next(filter(None, tries), (None, ())); self.boxes[name] = key, paths
            self.blobs.executemany("insert into blob values (?,?,?,?,?,?,?,?)", ((name, *blob) for blob in blobs))
            if folder == "log" and not key: self.failed(Refused("missing"), name.encode())
    def read(self, type_, ident):  # the plain bytes of a blob, from the first box and copy that has them whole
        wrong = Refused("missing", ident.hex())
        for box, *row in self.blobs.execute("select * from blob where id = ? and type = ?", (ident, type_)).fetchall():
            key, paths = self.boxes[box]
            for path in paths:
                plain, wrong = attempt(path, lambda file: open_blob(file, Blob(*row), key, self.keys))
                if not wrong: return plain
        raise wrong
    def records(self):  # {id: record} of the logs; what is wrong with one, or missing between them, is told
        found, there = {}, set()
        query = "select box, place, id, count() over (partition by box) from blob where type = 5"
        for box, place, ident, count in self.blobs.execute(query).fetchall():
            try:
                record = parse_record(self.read(RECORD, ident))
                due = bytes.fromhex(box[4:20]), int(box[21:31]) - count + 1 + place
                refuse(chain=(record.device, record.seq) != due); found[record.id] = record; there.add(due)
            except Refused as why: self.failed(why, box.encode())
        for _, device, seq, prev, *_ in found.values():
            why = Refused("chain" if (device, seq - 1) in there else "missing")
            if prev and prev not in found: self.failed(why, f"record {seq - 1} of {device.hex()}".encode())
        return found
    def leaves(self, ident, kind, promise=None, level=None, attic=False):
        # (bytes or Refused, promise) of each chunk or page below an id. promise: what the parent says of length or name
        try:
            page = "select 1 from blob where id = ? and type = 2"
            if level == -1 or (kind == PAGE and level is None and self.blobs.execute(page, (ident,)).fetchone()):
                plain = self.read(kind, ident); refuse(size=kind == CHUNK and len(plain) != promise)
                yield plain, promise; return
            own, leaf, items = parse_list(self.read(LIST, ident), attic)
            refuse("list", shape=leaf != kind or level not in (None, own))
            below = sum(n for _, n in items) if kind == CHUNK else items[0][1]
            refuse("list", **{"size" if kind == CHUNK else "order": promise not in (None, below)})
            for child, held in items: yield from self.leaves(child, kind, held, own - 1, attic)
        except Refused as why: yield why, promise
    def pieces(self, content, total=None):  # (bytes or Refused, length) of the chunks of a content
        pairs, level = (content, -1) if type(content) is list else ([(content, total)], None)
        for ident, length in pairs: yield from self.leaves(ident, CHUNK, length, level)
    def value(self, value):  # what stands in an entry as bytes, or in chunks of its own
        parts = [value] if type(value) is bytes else [data for data, _ in self.pieces(value)]
        for wrong in (part for part in parts if isinstance(part, Refused)): raise wrong
        return b"".join(parts)
    def entries(self, content, attic=False):  # the entries of a folder's pages, in order
        after = None
        for plain, first in self.leaves(content, PAGE, attic=attic):
            try:
                if isinstance(plain, Refused): raise plain
                for number, (entry, after) in enumerate(parse_page(plain, attic, after)):
                    if isinstance(entry, Refused): self.failed(entry); continue
                    refuse(order=number == 0 and first not in (None, entry.name)); yield entry
            except Refused as why: self.failed(why)
    def children(self, tree):  # (entry, the tree below it); in the attic, what is back in the root is hidden
        root = list(self.entries(tree.beside)) if tree.beside else []
        there, folders = {(e.name, sign(e)) for e in root}, {e.name: e.content for e in root if e.kind == FOLDER}
        for entry in self.entries(tree.content, tree.attic):
            leads = tree.attic and entry.kind == FOLDER and "missed" not in entry.extra
            if not leads and (entry.name, sign(entry)) in there: continue
            below = Tree(entry.content, leads, folders.get(entry.name) if leads else None)
            yield entry._replace(mode=0o700) if leads else entry, below if entry.kind == FOLDER else None
    def find(self, tree, path):  # [(entry, tree below it)] at a path; in an attic there may be several
        found = [(None, tree)]
        for part in filter(None, path.split(b"/")):
            found = [pair for _, tree in found if tree for pair in self.children(tree) if pair[0].name == part]
        return found
    # --- Writing: every name is made anew, relative to a folder that is held open, and no link is followed ---
    def run(self, items, target):  # make everything in `items`, and in the folders below, in the empty folder `target`
        self.here, self.linked, above = os.open(target, os.O_RDONLY | os.O_DIRECTORY), set(), []
        os.umask(0); os.mkdir(TWINS, 0o700, dir_fd=self.here)
        self.twins = os.open(TWINS, OPEN, dir_fd=self.here)  # keeps one name of each file that has several
        while item := next(items, (None, None) if above else None):
            entry, tree = item
            if entry is None:
                below, self.here = self.here, os.open("..", OPEN, dir_fd=self.here); items, entry, inode = above.pop()
                if inode != os.fstat(self.here)[1:3]: stop(1, "Somebody moves the folders of the target.")
                self.finish(entry, below); os.close(below); self.path.pop(); continue
            try:
                refuse(depth=len(above) >= 16384 and tree); name = self.make(entry)
                if not tree: continue
                below, inode = os.open(name, OPEN, dir_fd=self.here), os.fstat(self.here)[1:3]
                above.append((items, entry, inode)); self.path.append(name); os.close(self.here)
                self.here, items = below, self.children(tree)
            except (Refused, *TROUBLE) as why: self.failed(why, entry.name)
        for name in os.listdir(self.twins): os.unlink(name, dir_fd=self.twins)
        os.rmdir(TWINS, dir_fd=self.here)
    def make(self, entry):  # make one thing (a folder without what is in it), and return the name that it got
        at, extra, kind, name, fd = {"dir_fd": self.here}, entry.extra, entry.kind, entry.name, None
        same = blake3(msgpack.packb([extra.get("hard"), entry.size]) + sign(entry)).hexdigest()
        twin, target = "hard" in extra and same in self.linked, self.value(extra.get("link", b""))
        for again in itertools.count(2):  # in the attic things may share a name, and on some disks `a` is `A`
            try:
                if twin: os.link(same, name, src_dir_fd=self.twins, dst_dir_fd=self.here, follow_symlinks=False)
                elif kind == FILE: fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, **at)
                elif kind == FOLDER: os.mkdir(name, 0o700, **at)
                elif kind == SYMLINK: os.symlink(target, name, **at)
                elif kind == FIFO: os.mkfifo(name, entry.mode & 0o777, **at)
                else: tell(b"/".join([*self.path, name]), "is a socket, a device or unknown, and is not made")
                break
            except FileExistsError: name = b"%b.~%d~" % (entry.name, again)
        if fd is not None: self.fill(fd, entry, name)
        if kind in (SYMLINK, FIFO) and not twin: self.finish(entry, name, follow_symlinks=False, **at)
        if "hard" in extra and kind in (FILE, SYMLINK, FIFO) and not twin:
            os.link(name, same, src_dir_fd=self.here, dst_dir_fd=self.twins, follow_symlinks=False)
            self.linked.add(same)
        self.files += twin and kind == FILE; return name
    def fill(self, fd, entry, name):  # a file's bytes; what is not whole gets another name
        there, whole, at, left = 0, False, 0, 0
        try:
            parts = entry.extra.get("sparse", [[0, entry.size]] if entry.size else [])
            if not fits(parts, [(INT, INT)]): parts = decode(self.value(parts))
            held, spans = check_sparse(parts, entry.size, entry.content), iter(parts); os.truncate(fd, entry.size)
            for data, length in self.pieces(entry.content, held):
                if wrong := isinstance(data, Refused): self.failed(data, entry.name)
                there, data = (there, b"") if wrong else (there + length, memoryview(data))
                while length:
                    at, left = (at, left) if left else next(spans)
                    step = min(left, length) if wrong else os.pwrite(fd, data[-length:][:left], at)
                    at, left, length = at + step, left - step, length - step
            whole = not self.finish(entry, fd) and there == held; self.files += whole; self.bytes += whole * entry.size
        finally:
            os.close(fd)
            if there and not whole: os.link(name, name + b".vaultd-damaged", src_dir_fd=self.here, dst_dir_fd=self.here)
            if not whole: os.unlink(name, dir_fd=self.here)
    def finish(self, entry, where, **how):  # owner, attributes, mode and time, of what is open or a name not followed
        steps = [lambda: os.chown(where, entry.uid, entry.gid, **how)] if os.geteuid() == 0 else []
        for key, value in () if how else entry.extra.get("xattr", {}).items():
            if key.startswith((b"user.", b"system.posix_acl_")):
                steps.append(lambda key=key, value=value: os.setxattr(where, key, self.value(value)))
        if not how: steps.append(lambda: os.chmod(where, entry.mode & 0o1777))  # never setuid
        for step in [*steps, lambda: os.utime(where, ns=(entry.mtime, entry.mtime), **how)]:
            try: step()
            except Refused as why: self.failed(why, entry.name)
            except TROUBLE as why: self.failed(ValueError(why), entry.name)  # no room in an inode is not a full disk
# --- The command line ---
ENGLISH = "abanilleouovsesostsuus accecicocuhiidouqurot-titotrtu adapd-didrjumiulvavi aero affafora agaie-enre ahea aim-r-rpsl alarbucoeriel-lelomoonphresotewa amatazonouus analchcigeglgrimklnonuotswtetixiy- aparolpeplprri archcteaengum-memomyourarerirot-tetitw ask-pesasesisuth athlomtatetitr auctdiguntthtotu averocoi awakarayesfukw axis babychcodgg-lalcllmbnannr-rergrrsesisktt beacanaucacoeffogihahililoltncnesttrtttwyo bicyd-kendolrdrttt blacadamanaseaesinooosouueurus boaratdyilmbnenuokosrdrirrssttunx-y- bracaianasaveaeeicidieiginisocokonoootowus bubbdddgffillblkllndnkrdrgrss-sisyttyezz cabbbiblctgekelllmmempn-nancndnnnonvnypapiptr-rbrdrgrprrrtseshsistsut-tatctettugusutve ceillemensntrert chaialamanaoaparasateaeceeeferesicieilimoiooroucunur cigannrctityvi claiaparawayeaerevicieifiminipocogosotouowubumusut coacascodeffilinlllolumbmemfmimmmpncndnfngnnnsntnvokolpppyrarernrrstttucunupurusveyo cracadafamanasatawazeaedeeewicimisitoposouowucueuiumunusy-ys cubeltp-pbrirrrtrvshstte cycl dad-mampncngrishugwny- dealbabrcaceciclcocrerfefifygrlalimaminintnypapepoptpuriscsesiskspsttatevevivo diagalamarceesetffgignlennnorertsascseshsmsospstvevivozz doctcug-lllpmananknoorseubve drafagamasaweaesifilinipivopumy- duckmbneristtcty dwar dyna eageglrlrnrtsistsy echoolon edgeituc effo egg- eighth elbodeecegemepevitse embabobrerotplpopt enabacd-dldoemerfogagihajoliourirosutetitrve epis equaui era-asodosroup escasaseta eterhi evidilokol exacamcechciclcuecerhahiilisitotpapepiplpoprtetr eye-eb fabrcecudeinitlllsmemimon-ncntrmsht-tathtiulvo featbrdee-edelmancsttcvew- fibectelgulelmltnandnengnirermrsscsht-tnx- flagamasataveeigipoaocooowuiusy- foamcug-illdllodotrcrergrkrtrurwssstunx- fragameqesieinogonosowozui fueln-nnrnrytu gadginlallmep-rarbrdrlrms-sptethugze geneninrntnust ghos gianftggngrarlve gladanarasidimobooorovowue goatddldodosrispssvewn grabacaianapasaveaeeidieitocouowun guaresidilitn- gym- habiirlfmmmsndpprbrdrsrvt-vewkza headalaravdgiglllmlpn-ro hiddghllntp-rest hobbckldlelillmeneodpernrrrsspstteurve hub-gemambmondngntrdrrrtsb hybr ice-on ideaenle igno ill-leln imagitmemupapoprpu inchclcocrdedidodufaflfohaheitjejumanenopuqusasesispsttatetovevivo iron islaolsu item ivor jackgur-zz jealanllwe job-inkeury- judgicmpngninkst kang keeneptcy- kickd-dnndngsst-tctettwi kneeifocow lab-bebodddykempngptrgtetiugunvaw-wnwsyezy leadafaravctftg-gageismondngnsopssttve liarbebrcefeftghkembminkonqustttveza loadanbscackginengopttudunveya luckggmbnancxu lyri machd-gignidilinjokemmn-nandngnsnuplrbrcrgrirkrrsksssttctethtrttxize meadanasatchdadiloltmbmontnurcrgrirrshsstath midddnlkllmindninonurarrsessstx-xext mobidedim-meninknsntonrarernsqthtitounusvevi muchffleltscseshsisttu mysestth naivmepkrrsttitu nearckedgaglitphrvstt-twutvewsxt nicegh noblismiodrmrtsetatethtivew- nuclmbrst- oak- obeyjeliscsetavi occueato odor off-fefite oil- okay old-ivym omit oncee-iolily openerinpoti oranbichdedigaieigph ostr othe outdtetpts ovalener own-ne oxyg oyst ozon pactddgeirlalmndnenintperarerkrrrtsstcthtitrttusveym peacanaraslin-nancoppprfrmrst- phonotrays piancnctecg-gelllonkonpesttczz placanasatayeaeducugun poemetinlalelindnyolpurtsisssttattvewdwe pracaiedefepesetevicidiminioisivizobocodofogojomoooposotouov publddlllplsmpncpipprcrirprssht-zz pyra qualanaresicitizot rabbccceckdadiilinisllmpncndngpiretethvew-zo readalasbebucacecicocyduflfofugigrgujelalelilymamemimondnentoppapeplpoquscsesisospsutitrtuunveviwa rhyt rib-bbcechdedgflghgingotppsktuvave roadasbobuckmaofokomsetaugunutya rubbdeg-len-nwra sad-dddnfeillalmloltlumempndtitoucusvey- scalanaratenhehoieisorourareriru sea-arasatcocrctcuedekgmlellmininsntrirvsstttuve shadafalaredelerieifinipivocoeoooporouovriruufy- siblckdeegghgnlelklllvmimpncngresttux-ze skateti-ilinirul slabameeenicidigimogotowus smalarilokoo snacakapifow soapcccickdaftlaldlilulvmengonrrrtulunupurut spacarataweaeceeelenheicidikinirlioionooorotrareriy- squaueui stabadafagaiamanaratayeaeeemepericilinocomonooorovrareriroruudufumyl subjbmbwccchddffgaggitmmn-nnnspeppprrerfrgrprrrvspst swalamapareaeeifiminitor symbmprust tablckg-illelknkpergskstttxi teacamlln-nannntrmstxt thanatemeneoereyinisoureriroumun tickdegeltmbmenyp-resstl toasbadadde-geilkemamonengniolotp-pipprcrnrtsstaurwawewny- tracadafagaianapasavayeaeeeniaibicigimipopouucueulumusuty- tubeitmbnannrkrnrt tweleniciniso- typepi ugly umbr unabawclcodedofafohaifiqitivknlotiusve updagrhoonpese urbage usage-edefelua util vacacugulilllvn-niporistul vehilvndntnurbrirsrysste viabbrcictdeewllntolrtrusasisutavi vocaicidlcluteya wagegoitlklllnntrfrmrrshspsttevey- wealaparasatb-ddekirlcstt- whalateaeeeneripis widedtfeldlln-ndnengnknnntresdseshtn wolfmandodolrdrkrlrrrt wrapecesisiton yard yearll you-unut zebrro zoneo-"  # BIP-39: two letters, then for each word that begins with them the next two (`-`: none)
CHINESE = "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它合还因由其些然前外天政四日那社义事平形相全表间样与关各重新线内数正心反你明看原又么利比或但质气第向道命此变条只没结解问意建月公无系军很情者最立代想已通并提直题党程展五果料象员革位入常文总次品式活设及管特件长求老头基资边流路级少图山统接知较将组见计别她手角期根论运农指几九区强放决西被干做必战先回则任取据处队南给色光门即保治北造百规热领七海口东导器压志世金增争济阶油思术极交受联什认六共权收证改清美再采转更单风切打白教速花带安场身车例真务具万每目至达走积示议声报斗完类八离华名确才科张信马节话米整空元况今集温传土许步群广石记需段研界拉林律叫且究观越织装影算低持音众书布复容儿须际商非验连断深难近矿千周委素技备半办青省列习响约支般史感劳便团往酸历市克何除消构府称太准精值号率族维划选标写存候毛亲快效斯院查江型眼王按格养易置派层片始却专状育厂京识适属圆包火住调满县局照参红细引听该铁价严首底液官德随病苏失尔死讲配女黄推显谈罪神艺呢席含企望密批营项防举球英氧势告李台落木帮轮破亚师围注远字材排供河态封另施减树溶怎止案言士均武固叶鱼波视仅费紧爱左章早朝害续轻服试食充兵源判护司足某练差致板田降黑犯负击范继兴似余坚曲输修故城夫够送笔船占右财吃富春职觉汉画功巴跟虽杂飞检吸助升阳互初创抗考投坏策古径换未跑留钢曾端责站简述钱副尽帝射草冲承独令限阿宣环双请超微让控州良轴找否纪益依优顶础载倒房突坐粉敌略客袁冷胜绝析块剂测丝协诉念陈仍罗盐友洋错苦夜刑移频逐靠混母短皮终聚汽村云哪既距卫停烈央察烧迅境若印洲刻括激孔搞甚室待核校散侵吧甲游久菜味旧模湖货损预阻毫普稳乙妈植息扩银语挥酒守拿序纸医缺雨吗针刘啊急唱误训愿审附获茶鲜粮斤孩脱硫肥善龙演父渐血欢械掌歌沙刚攻谓盾讨晚粒乱燃矛乎杀药宁鲁贵钟煤读班伯香介迫句丰培握兰担弦蛋沉假穿执答乐谁顺烟缩征脸喜松脚困异免背星福买染井概慢怕磁倍祖皇促静补评翻肉践尼衣宽扬棉希伤操垂秋宜氢套督振架亮末宪庆编牛触映雷销诗座居抓裂胞呼娘景威绿晶厚盟衡鸡孙延危胶屋乡临陆顾掉呀灯岁措束耐剧玉赵跳哥季课凯胡额款绍卷齐伟蒸殖永宗苗川炉岩弱零杨奏沿露杆探滑镇饭浓航怀赶库夺伊灵税途灭赛归召鼓播盘裁险康唯录菌纯借糖盖横符私努堂域枪润幅哈竟熟虫泽脑壤碳欧遍侧寨敢彻虑斜薄庭纳弹饲伸折麦湿暗荷瓦塞床筑恶户访塔奇透梁刀旋迹卡氯遇份毒泥退洗摆灰彩卖耗夏择忙铜献硬予繁圈雪函亦抽篇阵阴丁尺追堆雄迎泛爸楼避谋吨野猪旗累偏典馆索秦脂潮爷豆忽托惊塑遗愈朱替纤粗倾尚痛楚谢奋购磨君池旁碎骨监捕弟暴割贯殊释词亡壁顿宝午尘闻揭炮残冬桥妇警综招吴付浮遭徐您摇谷赞箱隔订男吹园纷唐败宋玻巨耕坦荣闭湾键凡驻锅救恩剥凝碱齿截炼麻纺禁废盛版缓净睛昌婚涉筒嘴插岸朗庄街藏姑贸腐奴啦惯乘伙恢匀纱扎辩耳彪臣亿璃抵脉秀萨俄网舞店喷纵寸汗挂洪贺闪柬爆烯津稻墙软勇像滚厘蒙芳肯坡柱荡腿仪旅尾轧冰贡登黎削钻勒逃障氨郭峰币港伏轨亩毕擦莫刺浪秘援株健售股岛甘泡睡童铸汤阀休汇舍牧绕炸哲磷绩朋淡尖启陷柴呈徒颜泪稍忘泵蓝拖洞授镜辛壮锋贫虚弯摩泰幼廷尊窗纲弄隶疑氏宫姐震瑞怪尤琴循描膜违夹腰缘珠穷森枝竹沟催绳忆邦剩幸浆栏拥牙贮礼滤钠纹罢拍咱喊袖埃勤罚焦潜伍墨欲缝姓刊饱仿奖铝鬼丽跨默挖链扫喝袋炭污幕诸弧励梅奶洁灾舟鉴苯讼抱毁懂寒智埔寄届跃渡挑丹艰贝碰拔爹戴码梦芽熔赤渔哭敬颗奔铅仲虎稀妹乏珍申桌遵允隆螺仓魏锐晓氮兼隐碍赫拨忠肃缸牵抢博巧壳兄杜讯诚碧祥柯页巡矩悲灌龄伦票寻桂铺圣恐恰郑趣抬荒腾贴柔滴猛阔辆妻填撤储签闹扰紫砂递戏吊陶伐喂疗瓶婆抚臂摸忍虾蜡邻胸巩挤偶弃槽劲乳邓吉仁烂砖租乌舰伴瓜浅丙暂燥橡柳迷暖牌秧胆详簧踏瓷谱呆宾糊洛辉愤竞隙怒粘乃绪肩籍敏涂熙皆侦悬掘享纠醒狂锁淀恨牲霸爬赏逆玩陵祝秒浙貌役彼悉鸭趋凤晨畜辈秩卵署梯炎滩棋驱筛峡冒啥寿译浸泉帽迟硅疆贷漏稿冠嫩胁芯牢叛蚀奥鸣岭羊凭串塘绘酵融盆锡庙筹冻辅摄袭筋拒僚旱钾鸟漆沈眉疏添棒穗硝韩逼扭侨凉挺碗栽炒杯患馏劝豪辽勃鸿旦吏拜狗埋辊掩饮搬骂辞勾扣估蒋绒雾丈朵姆拟宇辑陕雕偿蓄崇剪倡厅咬驶薯刷斥番赋奉佛浇漫曼扇钙桃扶仔返俗亏腔鞋棱覆框悄叔撞骗勘旺沸孤吐孟渠屈疾妙惜仰狠胀谐抛霉桑岗嘛衰盗渗脏赖涌甜曹阅肌哩厉烃纬毅昨伪症煮叹钉搭茎笼酷偷弓锥恒杰坑鼻翼纶叙狱逮罐络棚抑膨蔬寺骤穆冶枯册尸凸绅坯牺焰轰欣晋瘦御锭锦丧旬锻垄搜扑邀亭酯迈舒脆酶闲忧酚顽羽涨卸仗陪辟惩杭姚肚捉飘漂昆欺吾郎烷汁呵饰萧雅邮迁燕撒姻赴宴烦债帐斑铃旨醇董饼雏姿拌傅腹妥揉贤拆歪葡胺丢浩徽昂垫挡览贪慰缴汪慌冯诺姜谊凶劣诬耀昏躺盈骑乔溪丛卢抹闷咨刮驾缆悟摘铒掷颇幻柄惠惨佳仇腊窝涤剑瞧堡泼葱罩霍捞胎苍滨俩捅湘砍霞邵萄疯淮遂熊粪烘宿档戈驳嫂裕徙箭捐肠撑晒辨殿莲摊搅酱屏疫哀蔡堵沫皱畅叠阁莱敲辖钩痕坝巷饿祸丘玄溜曰逻彭尝卿妨艇吞韦怨矮歇"
WORDS = {word: number for words in ([group[:2] + group[i:i + 2].rstrip("-") for group in ENGLISH.split()
         for i in range(2, len(group), 2)], CHINESE) for number, word in enumerate(words)}
def parse_code(text):  # the master key that a recovery code stands for (section 3)
    text = unicodedata.normalize("NFKC", text).lower().strip()
    if re.fullmatch("[0-9a-f]{64}", text): return bytes.fromhex(text)
    numbers = [WORDS.get(word[:4], -1) for word in (text.split() if text.isascii() else "".join(text.split()))]
    if len(numbers) != 24 or -1 in numbers: stop(12, f"No recovery code: word {(*numbers, -1).index(-1) + 1} of 24.")
    code = sum(number << 11 * (23 - place) for place, number in enumerate(numbers)).to_bytes(33, "big")
    if hashlib.sha256(code[:32]).digest()[0] != code[32]: stop(12, "One of the words is wrong.")
    return code[:32]
def unlock(copies, options):  # M || vault_id, by what was given or is asked for
    given, tried = (options.passphrase_file, options.key_file, options.recovery_code_file), set()
    phrase, key, code = (pathlib.Path(path).read_text("utf-8").strip("\r\n") if path else None for path in given)
    if not any(given): phrase = getpass.getpass("Passphrase (or nothing, and then the recovery code): ")
    if not any(given) and not phrase: code = getpass.getpass("Recovery code: ")
    if key and not re.fullmatch("VAULTD-KEY-1 [0-9a-f]{64}", key): stop(12, "This is not a key file.")
    master, key = parse_code(code) if code else None, bytes.fromhex(key[13:]) if key else None
    by_code = lambda f: (keys := master + f.read(32)[16:]) and open_box(f, (1, 2, 4), keys) and keys
    found = files(copies, "log", "packs") if code else files(copies, "keys")
    for path in itertools.chain(*list(found.values())[:None if code else 16]):
        keys, why = attempt(path, by_code if code else lambda file: open_slot(file.read(513), phrase, key), "commit")
        if keys or tried.add(why.word): return keys
    if "commit" in tried: stop(12, "That opens nothing here: it is not the passphrase, key file or code of this vault.")
    return stop(20 if tried else 10, f"No sound key ({', '.join(tried) or 'none'}); the recovery code needs none.")
def standing(records):  # the snapshots that nobody has forgotten, or somebody holds, oldest first
    def said(kind, key): return ((r.id, ident) for r in records if r.kind == kind for ident in r.body.get(key, ()))
    again = (r.body for r in records if r.kind == "restore-from-trash")
    back = {*itertools.chain(*(itertools.product(b.get("answers", ()), b.get("snapshots", ())) for b in again))}
    over = {ident for _, ident in said("unhold", "answers")}
    held = {ident for by, ident in said("hold", "snapshots") if by not in over}
    gone = {ident for pair in said("forget", "snapshots") if pair not in back for ident in pair[1:]} - held
    return sorted((r for r in records if r.kind == "snapshot" and r.id not in gone), key=lambda r: (r.time, r.id))
def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("list", "restore")); parser.add_argument("--deleted", action="store_true")
    parser.add_argument("words", nargs="+", metavar="COPY... [SNAPSHOT[:PATH] TARGET]")
    for word in ("--passphrase-file", "--key-file", "--recovery-code-file"): parser.add_argument(word, metavar="FILE")
    options = parser.parse_intermixed_args(arguments)
    if options.command == "restore" and len(options.words) < 3: parser.error("restore COPY... SNAPSHOT TARGET")
    *copies, snapshot, target = [*options.words, *(("", "") if options.command == "list" else ())]
    vault = Vault(copies, unlock(copies, options)); vault.scan("log", (4,))
    found = standing([*vault.records().values()]); wanted, _, path = snapshot.partition(":")
    if options.command == "list":
        for ident, _, _, _, at, _, body in found:
            at = time.strftime("%F %T", time.gmtime(max(0, min(at // 10**9 + body["offset"] * 60, 2**35))))
            said = [show(body["name"]), *(f"{body['counts'].get(what)} {what}" for what in ("files", "bytes"))]
            print(ident.hex()[:8], at, *said, ("partial", "complete")[body["complete"]], sep="  ")
    elif found := [r for r in found if wanted in ("latest", r.body["name"], r.id.hex()[:max(8, len(wanted))])]:
        vault.scan("packs", (1, 2)); vault.code = 0
        heads = [r.body for r in found if all(r.id not in other.body["parents"] for other in found)]
        top, attic = heads[-1]["root"], heads[-1]["attic"]
        tree = Tree(attic, True, top.content) if options.deleted else Tree(top.content, False, None)
        found = (vault.find(tree, os.fsencode(path)) if path else vault.children(tree)) if tree.content else ()
        if os.makedirs(target, 0o700, True) or os.listdir(target): stop(2, "The target is not empty.")
        if found: vault.run(iter(found), target); path or options.deleted or vault.finish(top, vault.here)
        tell(f"Restored {vault.files} files, {vault.bytes} bytes, into {target}")
    for what in sorted(UNKNOWN): tell("unknown, from a newer vaultd, read past:", what)
    return vault.code if found else stop(vault.code or 10, "Nothing was found.")
if __name__ == "__main__":
    try: sys.exit(main())
    except (KeyboardInterrupt, EOFError, OSError, UnicodeError) as why: stop(1, f"Stopped. {why}".strip())
