"""The documents for people stay true: every command in them is run, every link leads somewhere.

A block that is marked `console` is a session of a person at a terminal, and is played as such: its
lines that begin with `$ ` are typed into a shell one after the other, and what is asked for is
answered. `/media/disk` is a folder of the test's own, and so is the home.
"""

import ast
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from vaultd_cli.verbs import ALIASES, VERBS

from tests.person import BIG, DISK, Person, make_pictures, vaultd

REPOSITORY = Path(__file__).parent.parent
PAGES = sorted([*REPOSITORY.glob("README*.md"), *(REPOSITORY / "docs").rglob("*.md")])
STARTS = ("README.md", "README.zh-CN.md")
WORST_DAYS = ("docs/recovery.md", "docs/recovery.zh-CN.md")
PAIRS = (STARTS, WORST_DAYS)

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_VERB = re.compile(r"(?:`|\$ )vaultd ([a-z][a-z-]*)")
_TARGET = re.compile(r"(?:`|^)make ([a-z-]+)", re.MULTILINE)
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
_HOST = re.compile(r"https?://|\b[\w-]+\.(?:com|org|net|io|dev|cn|edu)\b")


def text_of(page: str) -> str:
    return (REPOSITORY / page).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """What stands in the fenced blocks of a language."""
    return [body for name, body in _FENCE.findall(text) if name == language]


def commands(text: str) -> list[str]:
    """What a person types, line by line."""
    lines = [line for block in blocks(text, "console") for line in block.splitlines()]
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


def without_blocks(text: str) -> str:
    return _FENCE.sub("", text)


def anchors(text: str) -> set[str]:
    """The names under which headings can be linked to."""
    titles = re.findall(r"^#+ (.+)$", without_blocks(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.fixture
def person(tmp_path: Path) -> Person:
    make_pictures(tmp_path / "Pictures")
    return Person(tmp_path)


@pytest.fixture
def unlucky(person: Person) -> Person:
    """Somebody with two copies, a passphrase, a recovery code and a key file, whose computer is gone."""
    work, pictures = person.work, person.work / "Pictures"
    made = vaultd(work, "init", str(person.disk / "vault"), "--yes", "--json")
    (work / "code.txt").write_text(" ".join(json.loads(made)["recovery_code"]))
    (work / "code.txt").chmod(0o600)
    vaultd(work, "source", "add", str(pictures), "--name", "photos", "--kind", "photos")
    vaultd(work, "snapshot")
    (pictures / "IMG_0001.jpg").unlink()
    vaultd(work, "snapshot")
    vaultd(work, "key", "add", "--file", str(work / "vault.key"))
    for number in (2, 3):
        Path(f"{person.disk}{number}").mkdir()
    vaultd(work, "copy", "add", "second", f"{person.disk}2/vault")
    shutil.rmtree(pictures)
    shutil.rmtree(work / ".vaultd")
    return person


def commands_of_both(pages: tuple[str, str]) -> list[str]:
    """The commands of a page, which must be those of the page in the other language too."""
    one, other = (commands(text_of(page)) for page in pages)
    assert one == other
    assert one
    return one


def test_the_first_restore_works_as_written(person: Person) -> None:
    for command in commands_of_both(STARTS):
        person.types(command)
    recovered = sorted(path.name for path in (person.work / "recovered").rglob("*.jpg"))
    assert recovered == ["IMG_0001.jpg", "IMG_0002.jpg", "IMG_0003.jpg", "big.jpg"]


def test_the_worst_day_ends_well_as_written(unlucky: Person) -> None:
    for command in commands_of_both(WORST_DAYS):
        if command == "vaultd copy remove second":
            shutil.rmtree(f"{unlucky.disk}2/vault")
        unlucky.types(command)
    work = unlucky.work
    third = Path(f"{unlucky.disk}3") / "vault"
    assert {path.name for path in third.glob("packs/*/*")} == {
        path.name for path in unlucky.disk.glob("vault/packs/*/*")
    }
    assert (work / "restored" / "IMG_0002.jpg").exists()
    assert (work / "restored" / "2019" / "IMG_0003.jpg").exists()
    assert not (work / "restored" / "IMG_0001.jpg").exists()
    assert [path.name for path in (work / "deleted").rglob("*.jpg")] == ["IMG_0001.jpg"]
    assert (work / "restored-earlier" / "IMG_0001.jpg").exists()
    assert (work / "recovered" / "photos" / "IMG_0002.jpg").exists()
    assert {path.name for path in (work / "second" / "vault").iterdir()} >= {"vault.id", "packs", "log"}


def test_a_damaged_copy_is_told_and_gives_what_it_has_as_written(unlucky: Person) -> None:
    whole, hurt = unlucky.work / "whole", unlucky.disk / "vault"
    shutil.copytree(hurt, whole)
    pack = max(hurt.glob("packs/*/*"), key=lambda path: path.stat().st_size)
    pack.chmod(0o600)
    with pack.open("r+b") as file:
        file.seek(200_000)  # in the big photo: what stands before it in the pack is short
        file.write(b"damage")
    unlucky.types(f"vaultd open {DISK}/vault")
    for command in ("check --read-data", "restore photos~1 --target ~/restored"):
        with pytest.raises(AssertionError, match="exit code 20"):
            unlucky.types(f"vaultd {command}")
    names = {path.name for path in (unlucky.work / "restored").iterdir()}
    assert names == {"2019", "IMG_0001.jpg", "IMG_0002.jpg", "big.jpg.vaultd-damaged"}
    recover = f"python3 {REPOSITORY}/docs/recover.py restore"
    unlucky.types(f"{recover} {DISK}/vault ~/whole photos ~/mended")
    assert (unlucky.work / "mended" / "big.jpg").read_bytes() == BIG


def test_what_the_other_program_says_of_itself_is_shown_whole(person: Person) -> None:
    """By the very command of the page: all of its first text, and nothing after it."""
    program = REPOSITORY / "docs" / "recover.py"
    (shown,) = {
        line for line in commands_of_both(WORST_DAYS) if line.endswith('"""$/p\' ~/recovered/recover.py')
    }
    line = shown.replace("~/recovered/recover.py", str(program))
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=True)
    said = ast.get_docstring(ast.parse(program.read_text(encoding="utf-8")), clean=False)
    assert done.stdout == f'"""{said}"""\n'


@pytest.mark.parametrize("page", STARTS)
def test_the_libraries_of_the_other_program_are_named(page: str) -> None:
    said = ast.get_docstring(ast.parse(text_of("docs/recover.py"))) or ""
    (line,) = re.findall(r"pip install ([a-z0-9 ]+)", said)
    assert f"pip install {line}\n" in text_of(page)
    for library in line.split():
        assert library in without_blocks(text_of(page))


@pytest.mark.parametrize("line", ["false", "vaultd nosuch", "vaultd snapshots"])
def test_a_command_that_fails_is_seen(line: str, person: Person) -> None:
    with pytest.raises(AssertionError, match="exit code"):
        person.types(line)


# What can be seen without running anything.


def broken_links(page: Path) -> Iterator[str]:
    for link in _LINK.findall(without_blocks(page.read_text(encoding="utf-8"))):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or not target.is_relative_to(REPOSITORY):
            yield f"{page.name}: {link}"
        elif anchor and anchor not in anchors(target.read_text(encoding="utf-8")):
            yield f"{page.name}: {link}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    assert list(broken_links(page)) == []


@pytest.mark.parametrize("link", ["nosuch.md", "../outside.md", "README.md#no-such-heading", "#nowhere"])
def test_a_broken_link_is_seen(link: str, tmp_path: Path) -> None:
    page = REPOSITORY / "README.md"
    shutil.copy(page, tmp_path)
    (tmp_path / "page.md").write_text(f"[x]({link})")
    assert list(broken_links(tmp_path / "page.md"))


def unknown_verbs(text: str) -> set[str]:
    return set(_VERB.findall(text)) - set(VERBS) - set(ALIASES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_verbs_that_are_named_exist(page: Path) -> None:
    assert unknown_verbs(page.read_text(encoding="utf-8")) == set()


def test_a_verb_that_is_not_there_is_seen() -> None:
    assert unknown_verbs("run `vaultd snapshot`, then `vaultd unheard DIR`\n$ vaultd of") == {"unheard", "of"}


@pytest.mark.parametrize("page", [*STARTS, *WORST_DAYS])
def test_options_that_are_named_exist(page: str) -> None:
    catalogue = (REPOSITORY / "cli" / "vaultd_cli").rglob("*.py")
    known = {option for path in catalogue for option in _OPTION.findall(path.read_text(encoding="utf-8"))}
    named = {
        option
        for code in re.findall(r"`([^`\n]+)`", without_blocks(text_of(page)))
        for option in _OPTION.findall(code)
    }
    assert named - known - {"--help"} == set()


@pytest.mark.parametrize("page", STARTS)
def test_targets_of_make_that_are_named_exist(page: str) -> None:
    known = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE))
    assert set(_TARGET.findall(text_of(page))) <= known


@pytest.mark.parametrize(("english", "chinese"), PAIRS)
def test_both_languages_have_the_same_commands_and_headings(english: str, chinese: str) -> None:
    one, other = text_of(english), text_of(chinese)
    commands_of_both((english, chinese))
    levels = [re.findall(r"^#+(?= )", without_blocks(text), re.MULTILINE) for text in (one, other)]
    assert levels[0] == levels[1]
    codes = [re.findall(r"^\| (\d+) \|", text, re.MULTILINE) for text in (one, other)]
    assert codes[0] == codes[1]


def test_exit_codes_are_those_of_the_program() -> None:
    from vaultd import errors

    classes = [thing for thing in vars(errors).values() if isinstance(thing, type)]
    raised = {thing.exit_code for thing in classes if issubclass(thing, errors.VaultdError)}
    named = {int(code) for code in re.findall(r"^\| (\d+) \|", text_of("README.md"), re.MULTILINE)}
    assert raised | {0, 3, 130} == named


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_sends_the_reader_elsewhere(page: Path) -> None:
    assert _HOST.findall(page.read_text(encoding="utf-8")) == []


def test_chinese_pages_use_the_agreed_words() -> None:
    """The third column of docs/words.md, where it is a plain list of words."""
    rows = [row.split("|")[1:4] for row in text_of("docs/words.md").splitlines() if row.startswith("| ")]
    plain = [row[2] for row in rows[1:] if re.fullmatch(r"[\u4e00-\u9fff、 ]+", row[2].strip() or "-")]
    avoided = {word.strip() for cell in plain for word in cell.split("、") if len(word.strip()) > 1}
    assert avoided >= {"仓库", "密钥", "助记词"}
    for page in (STARTS[1], WORST_DAYS[1]):
        found = {word for word in avoided if word in text_of(page)}
        assert found - {"终端"} == set(), page  # a terminal is called that, only a device is not


def test_the_package_shows_the_readme() -> None:
    import tomllib

    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    assert project["readme"] == "README.md"
    assert os.path.exists(REPOSITORY / project["readme"])
