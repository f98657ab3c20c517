"""Every sentence is there, in both languages, with the same facts; and none is said elsewhere."""

import ast
import dataclasses
import string
from collections.abc import Iterator
from typing import Any

import pytest
from vaultd_cli import catalogue
from vaultd_cli.catalogue import LANGUAGES, Said, _fill, language_of, sentences
from vaultd_cli.failure import explain
from vaultd_cli.verbs import ALIASES, VERBS

from tests.cli import keys
from vaultd import errors
from vaultd.jobs.level import PROTECTED, SAVED
from vaultd.tree import troubles
from vaultd.tree.sources import KINDS

EN = sentences("en")
DUMMIES: dict[Any, object] = {int: 1, bytes: b"name", str: "text", tuple[str, ...]: ("one", "two")}


def facts_of(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def failures(kind: type[errors.VaultdError] = errors.VaultdError) -> Iterator[type[errors.VaultdError]]:
    if kind.__module__ == errors.__name__ and kind is not errors.BadUsage:
        yield kind
    for below in kind.__subclasses__():
        yield from failures(below)


@pytest.mark.parametrize("tongue", LANGUAGES)
def test_languages_have_the_same_keys(tongue: str) -> None:
    assert sentences(tongue).keys() == EN.keys()


@pytest.mark.parametrize("tongue", LANGUAGES)
def test_languages_tell_the_same_facts(tongue: str) -> None:
    other = {key: facts_of(template) for key, template in sentences(tongue).items()}
    assert other == {key: facts_of(template) for key, template in EN.items()}


@pytest.mark.parametrize("tongue", LANGUAGES)
def test_a_key_stands_once(tongue: str) -> None:
    folder = keys.CLI / "catalogue" / tongue
    names = [
        key.value
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant)
    ]
    assert len(names) == len(set(names)) == len(EN)


@pytest.mark.parametrize("tongue", LANGUAGES)
@pytest.mark.parametrize("kind", list(failures()))
def test_every_failure_has_its_two_sentences(kind: type[errors.VaultdError], tongue: str) -> None:
    facts: dict[str, Any] = {field.name: DUMMIES[field.type] for field in dataclasses.fields(kind)}
    told = explain(kind(**facts))
    for key in (told.message, told.advice):
        assert _fill(tongue, key, told.facts).endswith("." if tongue == "en" else "。")


def test_every_key_that_is_said_is_there() -> None:
    assert keys.said() - EN.keys() == set()


def test_every_misuse_and_every_stage_has_its_sentence() -> None:
    assert {f"usage.{problem}" for problem in keys.taken("BadUsage")} - EN.keys() == set()
    assert {f"stage.{name}" for name in keys.taken("stage")} - EN.keys() == set()


def test_every_finding_kind_level_and_trouble_has_its_words() -> None:
    assert {f"doctor.{key}" for key in keys.taken("Finding")} - EN.keys() <= {"doctor.settings"}
    assert {f"kind.{kind}" for kind in KINDS} - EN.keys() == set()
    assert {f"level.{SAVED}", f"level.{PROTECTED}"} <= EN.keys()
    words = {word for name, word in vars(troubles).items() if name.isupper() and isinstance(word, str)}
    assert {f"why.{word}" for word in words} - EN.keys() == set()


def test_every_verb_has_its_help() -> None:
    assert {f"verb.{name}" for name in VERBS} - EN.keys() == set()
    assert set(ALIASES.values()) <= VERBS.keys()


def test_no_sentence_is_left_over() -> None:
    words = keys.constants()
    assert [key for key in EN if not keys.reachable(key, words)] == []


def test_nothing_is_said_without_the_catalogue() -> None:
    found = {
        str(path): keys.prose(tree) for path, tree in keys.trees().items() if path.is_relative_to(keys.CLI)
    }
    assert {path: texts for path, texts in found.items() if texts} == {}


@pytest.mark.parametrize(
    "line",
    [
        'echo("It is done.")',
        'console.line(f"{n} files saved")',
        'option("--x", help="Do it well.")',
        'print("完成")',
    ],
)
def test_a_sentence_outside_the_catalogue_would_be_found(line: str) -> None:
    assert keys.prose(ast.parse(line))


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "de_DE", "LC_MESSAGES": "zh_TW"}, "zh"),
        ({"LANG": "zh_CN", "LC_ALL": ""}, "zh"),
        ({"LANG": "zh_CN", "VAULTD_LANG": "en"}, "en"),
        ({"LANG": "de_DE", "VAULTD_LANG": "zh"}, "zh"),
    ],
)
def test_the_language_is_chosen_as_programs_do(variables: dict[str, str], expected: str) -> None:
    assert language_of(variables) == expected


def test_ways_of_showing_a_fact(monkeypatch: pytest.MonkeyPatch) -> None:
    table = {"x": "{files:n file/files}|{size:size}|{name}|{no:? on *}|{yes:? on *}|{pid:raw}|{many}|{said}"}
    table["x"] += "|{size:size? (*)}|{zero:size? (*)}"
    table |= {"list.comma": ", ", "y": "gone{why:silent? (*)}", "silent.ENOENT": "no folder"}
    monkeypatch.setattr(catalogue, "sentences", lambda _: table)
    facts = {"files": 1234, "size": 1_400_000_000, "name": b"a\x1bb", "no": "", "yes": "disk", "zero": 0}
    shown = catalogue.say("x", **facts, pid=12345, many=("a", "b"), said=Said("“\u202a”"))
    assert shown == "1,234 files|1.4 GB|a\\x1bb|| on disk|12345|a, b|“\u202a”| (1.4 GB)|"
    shown_why = [catalogue.say("y", why=why) for why in ("ENOENT", "EX\x1b", "")]
    assert shown_why == ["gone (no folder)", "gone (EX\\x1b)", "gone"]
