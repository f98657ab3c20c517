"""The rules by which snapshots are thinned, as options and as words."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from vaultd_cli import amounts
from vaultd_cli.catalogue import Said, say

if TYPE_CHECKING:
    from vaultd.tree.retention import Rules

_ALL = "all"
COUNTED = ("last", "hourly", "daily", "weekly", "monthly", "yearly")


class _Count(click.ParamType[int]):
    """How many, or all of them."""

    name = "count"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        from vaultd.tree.retention import EVERY

        if value == _ALL or isinstance(value, int):
            return EVERY if value == _ALL else value
        if not (value.isascii() and value.isdigit() and len(value) < 10 and int(value)):
            raise click.BadParameter(str(value), ctx, param)
        return int(value)


def keep_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: --keep-last and its like, which `rules_of` takes."""
    options = [
        click.option(f"--keep-{word}", metavar="N|all", type=_Count(), help=say(f"keep.{word}"))
        for word in COUNTED
    ]
    options += [
        click.option("--keep-within", metavar="TIME", callback=amounts.span, help=say("option.keep-within")),
        click.option("--keep-tag", metavar="TAG", multiple=True, help=say("option.keep-tag")),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def rules_of(given: dict[str, Any]) -> "Rules | None":
    """The rules that were asked for; None where none was."""
    from vaultd.tree.retention import Rules

    numbers = {word: given[f"keep_{word}"] or 0 for word in COUNTED}
    within = int((given["keep_within"] or 0) * 1e9)
    rules = Rules(**numbers, within=within, tags=tuple(given["keep_tag"]))
    return None if rules.say_nothing else rules


def as_json(rules: "Rules") -> dict[str, Any]:
    """What they say; -1 is for ever."""
    said = rules.to_map()
    if within := said.pop("within", 0):
        said["within_seconds"] = within / 1e9
    return said


def in_words(rules: "Rules") -> str:
    """One line for a person."""
    from vaultd.tree.retention import EVERY

    parts = []
    if rules.within:
        hours = round(rules.within / 3600e9)
        key = "rules.within-hours" if hours % 24 else "rules.within-days"
        parts.append(Said(say(key, count=hours if hours % 24 else hours // 24)))
    for word in COUNTED:
        if number := getattr(rules, word):
            key = f"for-ever.{word}" if number == EVERY else f"rules.{word}"
            parts.append(Said(say(key, count=number)))
    if rules.tags:
        parts.append(Said(say("rules.tags", tags=rules.tags)))
    return Said(say("list.comma").join(parts))
