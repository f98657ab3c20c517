"""Which sentences the code says: a reading of its syntax, so that none is missing and none is left over."""

import ast
import errno
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from vaultd import errors

ROOT = Path(__file__).parent.parent.parent
CLI = ROOT / "cli" / "vaultd_cli"
# Calls whose first argument is a key of the catalogue.
TAKERS = {"say", "in_english", "answer", "tell", "detail", "warn", "Column", "yes_no", "choose"}
# Calls that put text before a person.
TALKERS = TAKERS | {
    "line",
    "complain",
    "write",
    "echo",
    "secho",
    "print",
    "hidden",
    "UsageError",
    "ClickException",
}
TALKERS |= {"BadParameter", "option", "argument", "trace", "confirm", "prompt"}
_PROSE = re.compile(r"[A-Za-z]{2,} +[A-Za-z]{2,}|[\u4e00-\u9fff]")


@cache
def trees() -> dict[Path, ast.Module]:
    """The syntax of every module of ours that may hold a key: all but the catalogue."""
    paths = [*CLI.rglob("*.py"), *(ROOT / "vaultd").rglob("*.py")]
    return {
        path: ast.parse(path.read_text())
        for path in paths
        if "catalogue" not in path.parts and path.is_file()
    }


def calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            yield getattr(function, "attr", getattr(function, "id", "")), node


def taken(name: str) -> set[str]:
    """The constants that are the first argument of calls of `name`."""
    found = set()
    for tree in trees().values():
        for called, node in calls(tree):
            if called == name and node.args and isinstance(node.args[0], ast.Constant):
                found.add(str(node.args[0].value))
    return found


def said() -> set[str]:
    """The keys that are written out where a sentence is said, in the command line."""
    in_cli = {path: tree for path, tree in trees().items() if path.is_relative_to(CLI)}
    found = set()
    for tree in in_cli.values():
        for called, node in calls(tree):
            first = node.args[0] if node.args else None
            if called in TAKERS and isinstance(first, ast.Constant) and "." in str(first.value):
                found.add(str(first.value))
            if called in TAKERS and isinstance(first, ast.IfExp):
                found |= {
                    str(part.value) for part in (first.body, first.orelse) if isinstance(part, ast.Constant)
                }
    return found


def constants() -> set[str]:
    """Every string of the code."""
    return {
        node.value
        for tree in trees().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def reachable(key: str, words: set[str]) -> bool:
    """Whether some code can say `key`, where `words` are the strings of the code."""
    family, _, name = key.partition(".")
    if key in words:
        return True
    if family == "list":  # the catalogue's own
        return True
    if family in ("error", "advice"):
        return isinstance(getattr(errors, name, None), type)
    if family == "system":
        return name in errno.errorcode.values()
    if family == "verb":
        return _is_a_verb(name.split("."), words)
    if family == "doctor":
        return name.removesuffix(".bad") in words
    if family in ("notice", "notice-next"):
        return name in words
    if family in ("no-fuse", "mount-point", "not-unmounted", "not-sure"):
        return name in words
    if family in ("why", "silent", "bad-url", "store-keys", "password-file", "unfit"):
        return name in words or name in errno.errorcode.values()
    families = {"usage", "stage", "kind", "level", "by", "keep", "rules", "for-ever"}
    families |= {"happened", "cause", "limit"}
    return family in families and name in words


def _is_a_verb(path: list[str], words: set[str]) -> bool:
    written = (CLI / "commands" / f"{path[0]}.py").exists()
    return set(path if written else path[:1]) <= words | {"vaultd"}


def prose(tree: ast.Module) -> list[str]:
    """Sentences that are said without the catalogue: text with words in it, handed to whatever speaks."""
    found = []
    for called, node in calls(tree):
        if called in TALKERS:
            parts = [*node.args, *(keyword.value for keyword in node.keywords)]
            found += [text for part in parts for text in _texts(part) if _PROSE.search(text)]
    return found


def _texts(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    if isinstance(node, ast.JoinedStr | ast.BinOp | ast.IfExp):
        yield from (
            text
            for child in ast.iter_child_nodes(node)
            if isinstance(child, ast.expr)
            for text in _texts(child)
        )
