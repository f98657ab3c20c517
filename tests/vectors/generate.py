"""Writes the hostile vectors, once: `python -m tests.vectors.generate`. Only a person runs this.

A file that exists is never written again, so a vector can be added and none can be changed. Each is a text
header, an empty line, and raw bytes; see vectors.py. Nothing here is shared with vaultd/ or docs/recover.py.
"""

from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

from tests.vectors import hostile_boxes, hostile_meanings, hostile_records, hostile_slots, hostile_vaults
from tests.vectors.vectors import HASHES, HERE, Vector

Source = Callable[[], Iterator[Vector]]
SOURCES: tuple[Source, ...] = (
    hostile_slots.vectors,
    hostile_boxes.vectors,
    hostile_meanings.vectors,
    hostile_records.vectors,
    hostile_vaults.vectors,
)


def main() -> None:
    known = HASHES.read_text().splitlines() if HASHES.exists() else []
    for vector in chain.from_iterable(source() for source in SOURCES):
        path = HERE / vector.file_name
        if path.exists():
            continue
        with path.open("xb") as file:
            file.write(vector.encode())
        known.append(f"{vector.hash()}  {vector.file_name}")
    HASHES.write_text("\n".join(sorted(known, key=lambda line: line.split()[1])) + "\n")
    print(f"{len(known)} vectors in {Path(HERE).name}")


if __name__ == "__main__":
    main()
