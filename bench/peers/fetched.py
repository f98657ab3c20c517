"""Get restic and borg, into a folder of the cache and never into the system.

restic: the newest package of Debian's unstable, from the mirror that this machine takes its own packages
from. borg: from the Python index that this machine uses; where it must be compiled, with Debian's headers
unpacked beside it. What was once got is used again.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_BORG = "borgbackup>=1.4,<1.5"
# What borg is compiled with. The libraries come along, since a link in one package leads into the other.
_HEADERS = (
    *("libacl1-dev", "libacl1", "libattr1-dev", "liblz4-dev", "liblz4-1"),
    *("libxxhash-dev", "libxxhash0", "libzstd-dev", "libzstd1"),
)


class CannotBeHad(Exception):
    """A peer is not there, with what said so."""


def restic(cache: Path) -> Path:
    """The program. Raises CannotBeHad."""
    return _once(cache / "restic", _unpack_restic) / "usr/bin/restic"


def borg(cache: Path) -> Path:
    """The program. Raises CannotBeHad."""
    return _once(cache / "borg", _install_borg) / "venv/bin/borg"


def _once(home: Path, make: Callable[[Path], None]) -> Path:
    """The folder, made anew unless it was made to the end before."""
    stamp = home / "complete"
    if not stamp.exists():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        make(home)
        stamp.touch()
    return home


def _unpack_restic(home: Path) -> None:
    apt = home / "apt"
    for folder in ("lists/partial", "cache/archives/partial"):
        (apt / folder).mkdir(parents=True)
    sources = apt / "unstable.sources"
    fields = {"Types": "deb", "URIs": _mirror(), "Suites": "sid", "Components": "main", "Signed-By": _KEYRING}
    sources.write_text("".join(f"{key}: {value}\n" for key, value in fields.items()))
    options = _options(apt, {"Dir::Etc::sourcelist": sources, "Dir::Etc::sourceparts": "-"})
    _run(["apt-get", *options, "update"], apt)
    _download(["restic"], options, apt, home)
    shutil.rmtree(apt)


def _options(apt: Path, more: dict[str, object]) -> list[str]:
    """apt keeps everything of its own in this folder, and asks for no user of its own."""
    chosen = more | {
        "Dir::State::lists": apt / "lists",
        "Dir::Cache": apt / "cache",
        "Acquire::Languages": "none",
        "APT::Sandbox::User": "root",
    }
    return [word for key, value in chosen.items() for word in ("-o", f"{key}={value}")]


def _mirror() -> str:
    """Where this machine takes Debian's packages from. Raises CannotBeHad."""
    said = _run(["apt-get", "indextargets", "--format", "$(REPO_URI)"], Path("/"))
    for uri in said.split():
        if uri.rstrip("/").endswith("/debian"):
            return uri
    raise CannotBeHad("this machine names no mirror of Debian")


def _download(packages: Sequence[str], options: Sequence[str], into: Path, tree: Path) -> None:
    _run(["apt-get", *options, "download", *packages], into)
    for package in into.glob("*.deb"):
        _run(["dpkg-deb", "-x", str(package), str(tree)], into)


def _install_borg(home: Path) -> None:
    _run([sys.executable, "-m", "venv", str(home / "venv")], home)
    install = [str(home / "venv/bin/pip"), "install", "-q", _BORG]
    try:
        _run([*install, "--only-binary", ":all:"], home)
    except CannotBeHad:
        _download(_HEADERS, ["-o", "APT::Sandbox::User=root"], home, home / "tree")
        _run(install, home, _compiling(home / "tree"))


def _compiling(tree: Path) -> dict[str, str]:
    """Where a compiler finds what was unpacked below `tree`, and the program at every start."""
    libraries = sorted({path.parent for path in tree.rglob("*.so*")})
    links = [f"-L{folder} -Wl,-rpath,{folder}" for folder in libraries]
    return {
        "CFLAGS": f"-I{tree / 'usr/include'}",
        "LDFLAGS": " ".join(links),
        "PKG_CONFIG_PATH": ":".join(f"{folder}/pkgconfig" for folder in libraries),
    }


def _run(command: Sequence[str], folder: Path, environment: dict[str, str] | None = None) -> str:
    """What a command printed. Raises CannotBeHad."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            check=True,
            capture_output=True,
            text=True,
        )
    except FileNotFoundError as error:
        raise CannotBeHad(f"there is no {command[0]}") from error
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout).strip().splitlines()
        raise CannotBeHad(f"{command[0]}: {said[-1] if said else error.returncode}") from error
    return done.stdout
