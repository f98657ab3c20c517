"""What an export wrote and what it left out, in words and in JSON, and the exit code that follows."""

import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from vaultd_cli import show
from vaultd_cli.catalogue import Said, language, say
from vaultd_cli.chosen import DAMAGE
from vaultd_cli.console import named

if TYPE_CHECKING:
    from vaultd.jobs.restoration import Restored
    from vaultd.tree.troubles import Trouble
    from vaultd_cli.run import Run

_SHOWN = 20
_NOT_ALL = 3
# Words of troubles and notes.
_WHY = {
    "unreadable": "restore.why-unreadable",
    "unknown-kind": "restore.why-unknown-kind",
    "partly-restored": "export.why-partly",
    "name-too-long": "export.why-name",
    "special": "export.why-special",
    "attributes": "export.why-attributes",
    "zip-links": "export.why-links",
    "zip-holes": "export.why-holes",
    "zip-times": "export.why-times",
}


def exit_code(told: "Restored") -> int:
    """20 where something was damaged, 3 where a part was left out."""
    if told.damage:
        return DAMAGE
    return _NOT_ALL if told.troubles.count else 0


def tell(run: "Run", told: "Restored", target: bytes, form: str, master: bytes, split: int | None) -> None:
    """What was written; of a capsule, whose `master` is given, also its recovery code."""
    words = _words(master)
    if run.json:
        run.console.json(_as_json(told, target, form, words, split))
        return
    run.console.answer("export.done", what=_what(told), target=target)
    if words:
        _show_code(run, words)
        run.console.tell("export.parts-next" if split else "export.capsule-next", target=target)
    _tell_left_out(run, told)


def _words(master: bytes) -> list[str]:
    from vaultd.format.words import CHINESE, ENGLISH, recovery_words

    return recovery_words(master, CHINESE if language() == "zh" else ENGLISH) if master else []


def _show_code(run: "Run", words: list[str]) -> None:
    from vaultd_cli.commands.init import show_words

    run.console.answer("export.code")
    show_words(run, words)


def _what(told: "Restored") -> tuple[str, ...]:
    tally = told.tally
    parts = (
        ("restore.files", tally.files, {"files": tally.files, "bytes": tally.bytes}),
        ("restore.folders", tally.folders, {"folders": tally.folders}),
        ("restore.others", tally.others, {"others": tally.others}),
    )
    found = tuple(Said(say(key, **facts)) for key, count, facts in parts if count)
    return found or (Said(say("export.nothing")),)


def _tell_left_out(run: "Run", told: "Restored") -> None:
    most = len(told.troubles.kept) if run.console.verbosity else _SHOWN
    for renamed in told.renamed[:most]:
        run.console.warn("export.renamed", path=renamed.path, name=renamed.name)
    for note in told.troubles.notes:
        run.console.warn("restore.note", path=note.path or b".", why=_why(note))
    for trouble in told.troubles.kept[:most]:
        run.console.warn("restore.trouble", path=trouble.path or b".", why=_why(trouble))
    if told.troubles.count > most:
        run.console.warn("restore.more", count=told.troubles.count - most)
    if told.damage:
        run.console.tell("export.but-damage")
        run.console.tell("restore.after-damage")


def _why(trouble: "Trouble") -> str:
    key = _WHY.get(trouble.error)
    return Said(say(key)) if key else show.text(trouble.error)


def _as_json(
    told: "Restored", target: bytes, form: str, words: list[str], split: int | None
) -> dict[str, Any]:
    tally = asdict(told.tally)
    document = {
        **named("target", os.path.abspath(target)),
        "format": form,
        "split": split,
        **{key: tally[key] for key in ("files", "folders", "others", "bytes", "special")},
        "damage": told.damage,
        "complete": not told.troubles.count,
        "renamed": [named("path", each.path) | named("name", each.name) for each in told.renamed],
        "troubles": [_one(each) for each in told.troubles.kept],
        "trouble_count": told.troubles.count,
        "notes": [_one(each) for each in told.troubles.notes],
    }
    return document | ({"recovery_code": words} if words else {})


def _one(trouble: "Trouble") -> dict[str, str]:
    return named("path", trouble.path) | {"error": trouble.error, "detail": trouble.detail}
