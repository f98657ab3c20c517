r"""Runs a session file: what a person types, what must come back.

    # Why this file exists: the fault that it guards against, or the promise that it shows.
    $ vaultd source add "$WORK/photos"
    Added the source photos.
    $ vaultd ls nosuch
    ! No snapshot fits “nosuch”.
    ! “vaultd snapshots” lists them; a path in one stands behind a colon, as in “photos:2019”.
    [1]

* `# …`     a remark; a file begins with one, which names the cause.
* `$ …`     a command for /bin/sh, run in $WORK. `vaultd` is this tree's, as a process of its own. A `\` at
            the end of the line, and lines that begin with `> `, carry on (so here-documents work).
* `text`    a line of stdout, `! text` a line of stderr; both must match in full, line by line, to the end.
            `!` alone is an empty line of stderr; an empty line of stdout is written `<~>`.
* `...`     any number of lines of stdout, also none; `! ...` the same of stderr.
* `<*>`     within a line: any text. `<~REGEX>`: text that fits. `<NAME=REGEX>`: the same, and later
            commands find it as $NAME. A REGEX holds no `>`.
* `[3]`     the exit code, if it is not 0.

Empty lines in the file mean nothing. Each file has a folder $WORK of its own, VAULTD_HOME=$WORK/.vaultd,
HOME=$WORK, English, TZ=UTC, no terminal, and no passphrase but what the file gives. To follow a file by
hand: `pytest tests/cli/test_sessions.py -k NAME`. Questions at a terminal are tested with `terminal.py`.
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

_SECONDS = 120
_HOLE = re.compile(r"<(\*|~[^>]*|[A-Z_]+=[^>]*)>")
_OWN_WORDS = ("VAULTD_", "XDG_", "LC_")


@dataclass
class Step:
    """One command of a session, with what must come back. `line` is where it stands in its file."""

    line: int
    command: str
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)
    code: int = 0


def parse(text: str) -> list[Step]:
    """The steps of a session file. Raises ValueError if it does not say why it exists, or has no step."""
    lines = text.splitlines()
    if not lines or not lines[0].startswith("# "):
        raise ValueError("a session begins with a remark that names its cause")
    steps: list[Step] = []
    for number, line in enumerate(lines, 1):
        _take(steps, number, line)
    if not steps:
        raise ValueError("a session has at least one command")
    return steps


def _take(steps: list[Step], number: int, line: str) -> None:
    if line.startswith("$ "):
        steps.append(Step(number, line[2:]))
    elif line.startswith("> "):
        steps[-1].command += "\n" + line[2:]
    elif code := re.fullmatch(r"\[(\d+)\]", line):
        steps[-1].code = int(code[1])
    elif line.startswith("! ") or line == "!":
        steps[-1].err.append(line[2:])
    elif line and not line.startswith("#"):
        steps[-1].out.append(line)


def pattern(lines: list[str]) -> re.Pattern[str]:
    """What a whole output must match."""
    return re.compile("".join(r"(?:.*\n)*?" if line == "..." else _line(line) + r"\n" for line in lines))


def _line(line: str) -> str:
    made, done = "", 0
    for hole in _HOLE.finditer(line):
        made += re.escape(line[done : hole.start()]) + _filler(hole[1])
        done = hole.end()
    return made + re.escape(line[done:])


def _filler(hole: str) -> str:
    if hole == "*":
        return ".*"
    if hole.startswith("~"):
        return f"(?:{hole[1:]})"
    name, _, regex = hole.partition("=")
    return f"(?P<{name}>{regex})"


def environment(work: Path) -> dict[str, str]:
    """The environment of a session in the folder `work`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OWN_WORDS)}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)  # every start would compile every module anew
    programs = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}"
    ours = {"WORK": work, "HOME": work, "VAULTD_HOME": work / ".vaultd", "PATH": programs}
    return kept | {name: str(value) for name, value in ours.items()} | {"LANG": "C.UTF-8", "TZ": "UTC"}


def play(text: str, work: Path) -> None:
    """Run a session in the folder `work`. Raises AssertionError at the first step that goes otherwise."""
    known = environment(work)
    for step in parse(text):
        done = subprocess.run(
            ["/bin/sh", "-c", step.command],
            cwd=work,
            env=known,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            start_new_session=True,  # no terminal to ask at
            check=False,
        )
        known |= _judge(step, done)


def _judge(step: Step, done: subprocess.CompletedProcess[bytes]) -> dict[str, str]:
    """What the holes of a step caught. Raises AssertionError."""
    out = done.stdout.decode(errors="backslashreplace")
    err = done.stderr.decode(errors="backslashreplace")
    told = f"line {step.line}: $ {step.command}\n--- stdout\n{out}--- stderr\n{err}--- exit {done.returncode}"
    # "printf x" leaves the last line open, which is no fault of a command of ours that prints a file.
    caught_out = pattern(step.out).fullmatch(out if out.endswith("\n") or not out else out + "\n")
    caught_err = pattern(step.err).fullmatch(err)
    assert caught_out, f"stdout is not as expected\n{told}"
    assert caught_err, f"stderr is not as expected\n{told}"
    assert done.returncode == step.code, f"exit code {step.code} was expected\n{told}"
    return {**caught_out.groupdict(), **caught_err.groupdict()}
