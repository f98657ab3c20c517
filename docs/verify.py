#!/usr/bin/env python3
"""Checks a bundle that `vaultd proof` made, without vaultd and without any key: needs Python 3.11 and blake3.

    python3 -m venv env && env/bin/pip install blake3
    env/bin/python verify.py [FOLDER]

FOLDER is the bundle, unpacked; otherwise the folder that this file lies in. It says which row of
records.jsonl is the first that does not fit, and exits with 1; 0: everything fits; 2: nothing to check.
What that proves, and what it does not, stands in README.txt.
"""

import base64
import json
import os
import struct
import sys
from pathlib import Path

from blake3 import blake3

CHINESE = any(os.environ.get(name, "").lower().startswith("zh") for name in ("VAULTD_LANG", "LC_ALL", "LANG"))
MOST_NESTED = 16


class Wrong(Exception):
    """Something does not fit; the sentence in English and in Chinese."""

    def __init__(self, english, chinese):
        super().__init__(chinese if CHINESE else english)


class Reader:
    """MessagePack, as far as docs/format.md, section 2, allows it: no floats, no extension types."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def whole(self):
        """The one value that these bytes are."""
        value = self.value(0)
        if self.at != len(self.data):
            raise ValueError("bytes left over")
        return value

    def take(self, count):
        if self.at + count > len(self.data):
            raise ValueError("cut off")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, code):
        return struct.unpack(">" + code, self.take(struct.calcsize(code)))[0]

    def value(self, depth):  # noqa: C901 - one line for each kind of byte
        if depth > MOST_NESTED:
            raise ValueError("nested too deep")
        byte = self.take(1)[0]
        if byte <= 0x7F:
            return byte
        if byte >= 0xE0:
            return byte - 256
        if byte <= 0x8F:
            return self.map(byte & 15, depth)
        if byte <= 0x9F:
            return self.list(byte & 15, depth)
        if byte <= 0xBF:
            return self.take(byte & 31).decode()
        if byte in (0xC0, 0xC2, 0xC3):
            return {0xC0: None, 0xC2: False, 0xC3: True}[byte]
        if 0xC4 <= byte <= 0xC6:
            return self.take(self.number("BHI"[byte - 0xC4]))
        if 0xCC <= byte <= 0xD3:
            return self.number("BHIQbhiq"[byte - 0xCC])
        if 0xD9 <= byte <= 0xDB:
            return self.take(self.number("BHI"[byte - 0xD9])).decode()
        if byte in (0xDC, 0xDD):
            return self.list(self.number("HI"[byte - 0xDC]), depth)
        if byte in (0xDE, 0xDF):
            return self.map(self.number("HI"[byte - 0xDE]), depth)
        raise ValueError("not allowed here")

    def list(self, count, depth):
        return [self.value(depth + 1) for _ in range(count)]

    def map(self, count, depth):
        return {self.value(depth + 1): self.value(depth + 1) for _ in range(count)}


def main(words):
    folder = Path(words[0] if words else Path(__file__).parent)
    try:
        manifest = json.loads((folder / "manifest.json").read_bytes())
        records = read_records(folder / "records.jsonl")
        check_chains(records)
        check_seen(records)
        check_heads(records, manifest)
        check_files(folder, manifest)
        check_inventory(folder, records, manifest)
        check_notices(folder, records)
    except Wrong as wrong:
        print(wrong, file=sys.stderr)
        return 1
    except OSError as error:
        print(error, file=sys.stderr)
        return 2
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        print(
            "A file of this bundle cannot be read:" if not CHINESE else "证明中有文件无法读取：",
            error,
            file=sys.stderr,
        )
        return 1
    tell(folder, records, manifest)
    return 0


def read_records(path):
    """{(device, seq): [(row, id, record)]}. The id of each is the hash of its bytes."""
    records = {}
    for row, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            said = json.loads(line)
            plain = base64.b64decode(said["plain"], validate=True)
            record = Reader(plain).whole()
            device, seq, prev = record["device"].hex(), record["seq"], record["prev"]
        except (ValueError, KeyError, TypeError, AttributeError, struct.error):
            raise Wrong(f"Row {row} cannot be read.", f"第 {row} 行无法读取。") from None
        ident = blake3(plain).hexdigest()
        if ident != said["id"]:
            raise Wrong(
                f"Row {row} was changed (record {said['seq']} of device {said['device']}):"
                " its bytes do not fit its id.",
                f"第 {row} 行（设备 {said['device']} 的第 {said['seq']} 条记录）被改动过：内容与编号不符。",
            )
        if (device, seq) != (said["device"], said["seq"]) or (seq == 1) != (prev is None):
            raise Wrong(f"Row {row} is not the record that it says.", f"第 {row} 行与它自称的记录不符。")
        records.setdefault((device, seq), []).append((row, ident, record))
    if not records:
        raise Wrong("There is no record at all.", "一条记录都没有。")
    return records


def check_chains(records):
    """Each record names the one before it: none is missing in between, and none was put in."""
    for (device, seq), here in sorted(records.items(), key=lambda item: item[1][0][0]):
        before = {ident for _, ident, _ in records.get((device, seq - 1), [])}
        for row, _, record in here:
            if seq > 1 and not before:
                raise Wrong(
                    f"Row {row}: record {seq - 1} of device {device}, which comes before it, is missing.",
                    f"第 {row} 行：缺少它前面的记录（设备 {device} 的第 {seq - 1} 条）。",
                )
            if seq > 1 and record["prev"].hex() not in before:
                raise Wrong(
                    f"Row {row}: record {seq - 1} of device {device} is not the one that it names.",
                    f"第 {row} 行：设备 {device} 的第 {seq - 1} 条记录不是它所指的那一条。",
                )


def check_seen(records):
    """What other devices have seen must be there: a chain whose end was cut off is contradicted by them."""
    for row, _, record in sorted(
        (each for here in records.values() for each in here), key=lambda each: each[0]
    ):
        for device, seq, ident in record["seen"]:
            if ident.hex() not in {known for _, known, _ in records.get((device.hex(), seq), [])}:
                raise Wrong(
                    f"Row {row} has seen record {seq} of device {device.hex()},"
                    " which is missing here or is another one.",
                    f"第 {row} 行见过设备 {device.hex()} 的第 {seq} 条记录，而它不在这里，或者是另外一条。",
                )


def check_heads(records, manifest):
    """The last record of each device, and how many there are, as they were when the bundle was made."""
    count = sum(map(len, records.values()))
    for head in manifest["heads"]:
        here = records.get((head["device"], head["seq"]), [])
        if head["id"] not in {ident for _, ident, _ in here}:
            raise Wrong(
                f"The last record of device {head['device']} (number {head['seq']}) is missing:"
                " the end was cut off.",
                f"缺少设备 {head['device']} 的最后一条记录（第 {head['seq']} 条）：末尾被截掉了。",
            )
        if (head["device"], head["seq"] + 1) in records:
            row = records[(head["device"], head["seq"] + 1)][0][0]
            raise Wrong(f"Row {row} comes after the end.", f"第 {row} 行在末尾之后。")
    if {head["device"] for head in manifest["heads"]} != {device for device, _ in records}:
        raise Wrong("The devices are not those of the manifest.", "设备与 manifest.json 中所写的不符。")
    if count != manifest["records"]:
        raise Wrong(
            f"There are {count} records, and there were {manifest['records']}.",
            f"现在有 {count} 条记录，原来有 {manifest['records']} 条。",
        )


def check_files(folder, manifest):
    for name, digest in sorted(manifest["files"].items()):
        if blake3((folder / name).read_bytes()).hexdigest() != digest:
            raise Wrong(f"{name} was changed.", f"{name} 被改动过。")


def check_inventory(folder, records, manifest):
    """Each line says what its record says, and no snapshot of the time and source in question is left out."""
    by_id = {ident: record for here in records.values() for _, ident, record in here}
    rows = json.loads((folder / "inventory.json").read_bytes())
    for row in rows:
        record = by_id.get(row["id"])
        body = record["body"] if record and record["kind"] == "snapshot" else None
        counts = body and {key: body["counts"].get(key, 0) for key in ("files", "folders", "bytes")}
        if not body or {key: row[key] for key in counts} != counts or row["root"] != body["root"][7].hex():
            raise Wrong(
                f"The inventory of snapshot {row['id'][:8]} does not fit its record.",
                f"快照 {row['id'][:8]} 的清单与记录不符。",
            )
    wanted = {
        ident
        for ident, record in by_id.items()
        if record["kind"] == "snapshot"
        and manifest["source"] in (None, record["body"]["source"].hex())
        and manifest["from_ns"] <= record["body"]["started"] < manifest["to_ns"]
    }
    if wanted != {row["id"] for row in rows}:
        raise Wrong("The inventory leaves snapshots out.", "清单遗漏了快照。")


def check_notices(folder, records):
    """Attempts to tell the owner, and what the owner acknowledged, are records themselves."""
    by_id = {ident: record for here in records.values() for _, ident, record in here}
    kinds = {"id": "notice", "attempts": "attempt", "acknowledged": "acknowledge"}
    for row in json.loads((folder / "notices.json").read_bytes()):
        named = [
            (row["id"], "id"),
            *((each["id"], key) for key in ("attempts", "acknowledged") for each in row[key]),
        ]
        for ident, key in named:
            record = by_id.get(ident)
            if record is None or record["kind"] != kinds[key]:
                raise Wrong(
                    f"Notice {row['id'][:8]} does not fit the records.", f"通知 {row['id'][:8]} 与记录不符。"
                )


def tell(folder, records, manifest):
    count, heads = sum(map(len, records.values())), len(manifest["heads"])
    witness = blake3((folder / "manifest.json").read_bytes()).hexdigest()
    if CHINESE:
        print(f"全部 {count} 条记录（{heads} 台设备）前后相符，没有缺失或改动。")
        print(f"manifest.json 的 BLAKE3（请与见证人手中的比较）：{witness}")
    else:
        print(f"All {count} records of {heads} devices fit one another; none is missing or was changed.")
        print(f"BLAKE3 of manifest.json, to compare with what a witness has: {witness}")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
