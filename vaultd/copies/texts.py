"""The two texts that every copy carries, so that whoever finds it can get everything back without vaultd."""

import hashlib
from pathlib import Path

from vaultd.copies.contract import Copy
from vaultd.errors import Damaged, Missing

BEGIN = "-----BEGIN recover.py-----"
END = "-----END recover.py-----"
SOURCES = Path(__file__).parent.parent / "texts"

_APPENDIX = """
## Appendix: recover.py

Everything between the two marker lines below is one program. This writes it into a file of its own:

    sed -n '/^{begin}$/,/^{end}$/p' FORMAT.md | sed '1d;$d' > recover.py

and this checks that nothing of it is missing; the line after it is the SHA-256 that it looks for:

    grep -E '^[0-9a-f]{{64}}  recover[.]py$' FORMAT.md | sha256sum --check

{digest}  recover.py

```python
{begin}
{program}{end}
```
"""


def texts(sources: Path = SOURCES) -> dict[str, bytes]:
    """README.txt and FORMAT.md as they must stand in every copy: name to bytes.

    Raises ValueError where recover.py could not be cut out of FORMAT.md again, and OSError.
    """
    program = (sources / "recover.py").read_bytes().decode()
    page = (sources / "FORMAT.md").read_bytes().decode()
    return {"README.txt": (sources / "README.txt").read_bytes(), "FORMAT.md": _with_program(page, program)}


def differing(copy: Copy, wanted: dict[str, bytes] | None = None) -> tuple[str, ...]:
    """Names of the texts that this copy does not hold as they must be. Raises Unreachable."""
    return tuple(name for name, text in (wanted or texts()).items() if not _holds(copy, name, text))


def refresh(copy: Copy, wanted: dict[str, bytes] | None = None) -> tuple[str, ...]:
    """Write the texts that differ, and return their names; one that is right is not written.

    Raises what `put` raises.
    """
    wanted = wanted or texts()
    names = differing(copy, wanted)
    for name in names:
        copy.put(name, wanted[name])
    return names


def _holds(copy: Copy, name: str, text: bytes) -> bool:
    try:
        return copy.get(name) == text
    except (Missing, Damaged):
        return False


def _with_program(page: str, program: str) -> bytes:
    lines = (page + "\n" + program).split("\n")
    if BEGIN in lines or END in lines or not program.endswith("\n") or "\r" in program:
        raise ValueError("recover.py")
    digest = hashlib.sha256(program.encode()).hexdigest()
    appendix = _APPENDIX.format(begin=BEGIN, end=END, digest=digest, program=program)
    return (page.rstrip("\n") + "\n" + appendix).encode()
