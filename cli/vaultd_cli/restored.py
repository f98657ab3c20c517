"""What a restore would do and what it did, in words and in JSON, and the exit code that follows."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from vaultd.jobs.planning import PARTLY, UNKNOWN_KIND, UNREADABLE
from vaultd_cli import show
from vaultd_cli.catalogue import Said, say
from vaultd_cli.chosen import DAMAGE
from vaultd_cli.console import named

if TYPE_CHECKING:
    from vaultd.jobs.restoration import Plan, Restored, Tally
    from vaultd.tree.troubles import Trouble, Troubles
    from vaultd_cli.run import Run

# So many paths of a kind are listed on a screen; -v and --json list all that were kept.
_SHOWN = 20
_NOT_ALL = 3
_NOTHING_FOUND = 1
# Words of troubles and notes; what is not here is the system's own name of an error.
_WHY = {
    UNREADABLE: "restore.why-unreadable",
    UNKNOWN_KIND: "restore.why-unknown-kind",
    PARTLY: "restore.why-partly",
    "differs": "drill.why-differs",
    "not-as-written": "restore.why-not-as-written",
    "not-the-same": "restore.why-not-the-same",
    "not-compared": "restore.why-not-compared",
    "special": "restore.why-special",
    "set-id": "restore.why-set-id",
    "owner": "restore.why-owner",
    "mode": "restore.why-mode",
    "times": "restore.why-times",
    "attributes": "restore.why-attributes",
    "EACCES": "restore.why-not-allowed",
    "EPERM": "restore.why-not-allowed",
    "ENAMETOOLONG": "restore.why-name",
    "EINVAL": "restore.why-name",
    "EILSEQ": "restore.why-name",
    "EFBIG": "restore.why-too-large",
    "EIO": "restore.why-disk",
}


def plan_code(plan: "Plan") -> int:
    """20 where the plan met damage, 3 where a part would not be written, 1 where nothing fits."""
    if nothing_fits(plan, plan.tally, plan.troubles):
        return _NOTHING_FOUND
    if any(trouble.error == UNREADABLE for trouble in plan.troubles.kept):
        return DAMAGE
    return _NOT_ALL if plan.troubles.count or plan.tally.left_alone else 0


def nothing_fits(plan: "Plan", tally: "Tally", troubles: "Troubles") -> bool:
    """Whether the patterns left nothing over: most likely there is a mistake in one."""
    chosen = plan.options.include or plan.options.exclude
    return bool(chosen) and not any(asdict(tally).values()) and not troubles.count


def restored_code(plan: "Plan", restored: "Restored") -> int:
    """20 where something was damaged, 3 where a part was not written, 1 where nothing fits."""
    if nothing_fits(plan, restored.tally, restored.troubles):
        return _NOTHING_FOUND
    if restored.damage:
        return DAMAGE
    return 0 if restored.complete else _NOT_ALL


def tell_plan(run: "Run", plan: "Plan") -> None:
    """What would be written, and what would not."""
    if run.json:
        run.console.json({"dry_run": True, **_plan_as_json(plan), **_troubles_as_json(plan.troubles)})
        return
    what = _what(plan.tally)
    run.console.answer("restore.would" if what else "restore.would-nothing", what=what, target=plan.target)
    run.console.answer("restore.room", needed=plan.needed, free=plan.free)
    if nothing_fits(plan, plan.tally, plan.troubles):
        run.console.warn("restore.nothing-fits")
    _tell_kept(run, plan.tally)
    if plan.tally.left_alone:
        run.console.warn("restore.would-leave", count=plan.tally.left_alone)
    if plan.tally.special:
        run.console.warn("restore.would-skip-special", count=plan.tally.special)
    _tell_troubles(run, plan.troubles)


def tell_restored(run: "Run", plan: "Plan", restored: "Restored") -> None:
    """What was written, and what was not."""
    if run.json:
        run.console.json({"dry_run": False, **_restored_as_json(plan, restored)})
        return
    what = _what(restored.tally)
    run.console.answer("restore.done" if what else "restore.nothing", what=what, target=plan.target)
    if nothing_fits(plan, restored.tally, restored.troubles):
        run.console.warn("restore.nothing-fits")
    if plan.options.verify:
        run.console.answer("restore.verified", count=restored.verified)
    _tell_kept(run, restored.tally)
    if restored.swept:
        run.console.detail("restore.swept", count=restored.swept)
    left = "restore.left-alone" if plan.options.overwrite == "never" else "restore.left-even-so"
    _tell_paths(run, left, restored.left_alone, restored.tally.left_alone)
    for renamed in restored.renamed[: _most(run)]:
        run.console.warn("restore.renamed", path=renamed.path, name=renamed.name)
    _tell_rest(run, len(restored.renamed))
    for note in restored.troubles.notes:
        run.console.warn("restore.note", path=note.path or b".", why=why(note))
    _tell_troubles(run, restored.troubles)
    if restored.damage:
        if _only_damage(restored):
            run.console.tell("restore.but-damage")
        run.console.tell("restore.after-damage")


def _only_damage(restored: "Restored") -> bool:
    """Whether nothing but damage kept anything from being restored."""
    told = restored.troubles
    others = any(trouble.error not in (UNREADABLE, PARTLY) for trouble in told.kept)
    return not others and told.count == len(told.kept) and not restored.tally.left_alone


def _what(tally: "Tally") -> tuple[str, ...]:
    """The parts of a sentence on what was restored; what there is none of is left out."""
    parts = (
        ("restore.files", tally.files, {"files": tally.files, "bytes": tally.bytes}),
        ("restore.folders", tally.folders, {"folders": tally.folders}),
        ("restore.others", tally.others, {"others": tally.others}),
    )
    return tuple(Said(say(key, **facts)) for key, count, facts in parts if count)


def _tell_kept(run: "Run", tally: "Tally") -> None:
    if tally.already:
        run.console.answer("restore.already", count=tally.already)


def _tell_paths(run: "Run", key: str, paths: Sequence[bytes], count: int) -> None:
    """A sentence about `count` paths, and the first of them."""
    if count:
        run.console.warn(key, count=count)
    for path in paths[: _most(run)]:
        run.console.warn("restore.path", path=path or b".")
    _tell_rest(run, count)


def _tell_troubles(run: "Run", troubles: "Troubles") -> None:
    for trouble in troubles.kept[: _most(run)]:
        run.console.warn("restore.trouble", path=trouble.path or b".", why=why(trouble))
    _tell_rest(run, troubles.count)


def _tell_rest(run: "Run", count: int) -> None:
    if count > _most(run):
        run.console.warn("restore.more", count=count - _most(run))


def _most(run: "Run") -> int:
    from vaultd.tree.troubles import MOST_KEPT

    return MOST_KEPT if run.console.verbosity else _SHOWN


def why(trouble: "Trouble") -> str:
    """What is wrong with one path, to stand in a sentence."""
    key = _WHY.get(trouble.error)
    return Said(say(key)) if key else show.text(trouble.error)


def _plan_as_json(plan: "Plan") -> dict[str, Any]:
    return {
        **named("target", plan.target),
        **named("path", plan.path),
        "deleted": plan.options.deleted,
        **asdict(plan.tally),
        "needed": plan.needed,
        "free": plan.free,
    }


def _restored_as_json(plan: "Plan", restored: "Restored") -> dict[str, Any]:
    renamed = [named("path", each.path) | named("name", each.name) for each in restored.renamed]
    return {
        **_plan_as_json(plan),
        **asdict(restored.tally),
        "verified": restored.verified,
        "damage": restored.damage,
        "complete": restored.complete,
        "left_alone_paths": [named("path", path) for path in restored.left_alone],
        "renamed": renamed,
        **_troubles_as_json(restored.troubles),
    }


def _troubles_as_json(troubles: "Troubles") -> dict[str, Any]:
    def each(found: "Sequence[Trouble]") -> list[dict[str, str]]:
        return [named("path", one.path) | {"error": one.error, "detail": one.detail} for one in found]

    return {
        "troubles": each(troubles.kept),
        "trouble_count": troubles.count,
        "notes": each(troubles.notes),
    }
