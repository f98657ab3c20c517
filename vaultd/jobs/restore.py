"""Give files back: plan, then execute. What is planned can be shown and thrown away; that is `--dry-run`.

What is there already is left alone unless the owner says otherwise (see `existing`). Whatever cannot be had
from a damaged vault is listed, and everything else is restored.
"""

import os
from collections.abc import Callable, Iterator

from vaultd.errors import NotAFolder, TargetTooSmall
from vaultd.format.keys import Keys
from vaultd.jobs.existing import Overwrite
from vaultd.jobs.planning import Planner
from vaultd.jobs.restoration import Options, Plan, Renamed, Restored, Tally
from vaultd.jobs.restoring import Restorer
from vaultd.jobs.wanted import Folder, Item, Several, looked_ahead, visit, wanted
from vaultd.progress import Progress
from vaultd.tree.patterns import Selection
from vaultd.tree.view import Broken, View

__all__ = ["Options", "Overwrite", "Plan", "Renamed", "Restored", "Tally", "plan_restore", "restore"]


def plan_restore(view: View, path: bytes, target: bytes, options: Options) -> Plan:
    """Count what `restore` would write to `target`, looking at what is there and changing nothing.

    Raises NoSuchPath, NotAFolder (the target, or the folder it is to be made in), BadPattern, TargetTooSmall,
    Unreachable, Missing or Damaged (the folder that `path` is in).
    """
    above = os.path.dirname(target.rstrip(b"/")) or b"."
    if not os.path.isdir(above):
        raise NotAFolder(above)
    plan = Plan(view, path, target, options)
    with Planner(plan) as planner:
        visit(_items(plan), planner, _top(plan))
    space = os.statvfs(target if os.path.isdir(target) else above)
    plan.free = space.f_bavail * space.f_frsize
    if plan.needed > plan.free:
        raise TargetTooSmall(target, plan.needed, plan.free)
    return plan


def restore(plan: Plan, keys: Keys, progress: Progress, stop: Callable[[], bool]) -> Restored:
    """Write what was planned, and what has come since. Nothing outside of the target is ever written.

    On return all of it was given to the medium. `stop` is asked before each file and chunk; where it says
    yes, KeyboardInterrupt is raised, no unfinished file is left, and the same restore goes on from there.
    Raises TargetFull, TargetReadOnly, TargetChanged, NotAFolder, Unreachable; what belongs to one path only
    is in `troubles`.
    """
    progress.stage("restore")
    progress.total(files=plan.tally.files, bytes=plan.tally.bytes)
    with Restorer(plan, keys, progress, stop) as restorer:
        visit(looked_ahead(_items(plan), plan.view.blobs), restorer, _top(plan))
        restorer.finish()
    return restorer.restored


def _items(plan: Plan) -> Iterator[Item | Several | Broken]:
    selection = Selection(plan.options.include, plan.options.exclude)
    return wanted(plan.view, plan.path, selection, deleted=plan.options.deleted)


def _top(plan: Plan) -> Folder:
    return Folder(b"", b"", plan.view.root if plan.whole else None, entered=True)
