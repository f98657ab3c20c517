"""A proof is checked by the program in it, with Python and blake3 alone; and it notices what was changed."""

import ast
import base64
import importlib.metadata
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import blake3
import pytest
from vaultd_cli.account import accounts

from tests.jobs.vaults import Computer, new_vault
from vaultd.errors import BadUsage
from vaultd.format.noticing import NoticeBody
from vaultd.jobs.proof import Evidence, Wanted, gather, write_bundle

VERIFY = Path(__file__).parents[2] / "docs" / "verify.py"


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing but blake3."""
    folder = tmp_path_factory.mktemp("alone")
    for top in {file.parts[0] for file in importlib.metadata.files("blake3") or [] if file.parts[0] != ".."}:
        (folder / top).symlink_to(Path(str(importlib.metadata.distribution("blake3").locate_file(top))))
    return folder


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Computer:
    """A vault that two computers write, each knowing of the other, with a notice that was acknowledged."""
    work = tmp_path_factory.mktemp("proof")
    one = new_vault(work)
    for name in ("one", "two"):
        (work / name).mkdir()
        (work / name / "file").write_text(name)
    one.add(work / "one", "one")
    one.save("one")
    two = one.another(work / "second")
    two.add(work / "two", "two")
    two.save("two")
    with one.opened(writing=True) as session:
        journal = session.vault.journal
        body = NoticeBody(about="main", facts={"days": 3}, what="copy-away")
        notice, _ = journal.append("notice", body.to_map())
        attempt = {"answer": "250 ok", "channel": "mail", "notice": notice, "taken": True}
        journal.append("attempt", attempt)
        journal.append("acknowledge", {"answers": [notice]})
    return one


def evidence_of(computer: Computer, wanted: Wanted | None = None) -> Evidence:
    with computer.opened() as session:
        return gather(session.vault.journal, session.vault.keys.vault_id, wanted or Wanted())


@pytest.fixture
def bundle(saved: Computer, tmp_path: Path) -> Path:
    evidence = evidence_of(saved)
    write_bundle(evidence, tmp_path / "bundle", accounts(evidence), lambda: False)
    return tmp_path / "bundle"


def verified(alone: Path, bundle: Path, language: str = "en") -> subprocess.CompletedProcess[str]:
    start = f"import sys, runpy; sys.path.append({str(alone)!r}); sys.argv = sys.argv[1:]; "
    start += f"runpy.run_path({str(bundle / 'verify.py')!r}, run_name='__main__')"
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", start, "verify.py"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd="/",
        env={"VAULTD_LANG": language, "PYTHONIOENCODING": "utf-8", "LC_ALL": "C.UTF-8"},
    )


def rows(bundle: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (bundle / "records.jsonl").read_bytes().splitlines()]


def rewrite(bundle: Path, changed: list[dict[str, Any]], *, manifest: bool = True) -> None:
    """Put other rows there; with `manifest` as somebody who also sets the manifest right."""
    data = b"".join(json.dumps(row).encode() + b"\n" for row in changed)
    (bundle / "records.jsonl").write_bytes(data)
    if manifest:
        said = json.loads((bundle / "manifest.json").read_bytes())
        said["records"] = len(changed)
        said["files"]["records.jsonl"] = blake3.blake3(data).hexdigest()
        last = {row["device"]: row for row in changed}
        said["heads"] = [{key: row[key] for key in ("device", "seq", "id")} for row in last.values()]
        (bundle / "manifest.json").write_text(json.dumps(said))


def test_it_fits_as_it_was_written(alone: Path, bundle: Path) -> None:
    done = verified(alone, bundle)
    assert (done.returncode, done.stderr) == (0, "")
    witness = blake3.blake3((bundle / "manifest.json").read_bytes()).hexdigest()
    assert f"All {len(rows(bundle))} records of 2 devices" in done.stdout
    assert witness in done.stdout
    assert "前后相符" in verified(alone, bundle, "zh").stdout


def test_every_flipped_byte_of_a_record_is_found_and_its_row_named(alone: Path, bundle: Path) -> None:
    before = rows(bundle)
    for number, row in enumerate(before, 1):
        plain = bytearray(base64.b64decode(row["plain"]))
        plain[len(plain) // 2] ^= 1
        changed = [dict(each) for each in before]
        changed[number - 1]["plain"] = base64.b64encode(plain).decode()
        rewrite(bundle, changed)
        done = verified(alone, bundle)
        assert done.returncode == 1
        assert done.stderr.startswith(f"Row {number} ")


def test_a_changed_record_with_a_new_id_is_missed_by_the_one_after_it(alone: Path, bundle: Path) -> None:
    changed = rows(bundle)
    plain = base64.b64decode(changed[0]["plain"])
    salt = plain.index(b"salt") + 6
    other = plain[:salt] + bytes([plain[salt] ^ 1]) + plain[salt + 1 :]
    changed[0] |= {"plain": base64.b64encode(other).decode(), "id": blake3.blake3(other).hexdigest()}
    rewrite(bundle, changed)
    done = verified(alone, bundle)
    assert (done.returncode, done.stderr.split(":")[0]) == (1, "Row 2")


def test_every_dropped_row_is_found(alone: Path, bundle: Path) -> None:
    before = rows(bundle)
    for number, row in enumerate(before):
        last = number == len(before) - 1 or before[number + 1]["device"] != row["device"]
        rewrite(bundle, before[:number] + before[number + 1 :], manifest=not last)
        done = verified(alone, bundle)
        assert done.returncode == 1
        if last:
            assert "seen record" in done.stderr or "the end was cut off" in done.stderr
        else:
            assert done.stderr.startswith(f"Row {number + 1}: record {row['seq']} of device {row['device']}")


def test_a_tail_that_another_device_has_seen_cannot_be_cut_off_even_with_the_manifest(
    alone: Path, bundle: Path
) -> None:
    """The second computer saw what the first one had written when it began."""
    before = rows(bundle)
    first = min(before, key=lambda row: row["time"])["device"]
    rewrite(bundle, [row for row in before if row["device"] != first or row["seq"] < 3])
    done = verified(alone, bundle)
    assert done.returncode == 1
    assert f"of device {first}, which is missing here" in done.stderr


def test_two_rows_that_changed_places_are_still_the_same_records(alone: Path, bundle: Path) -> None:
    changed = rows(bundle)
    changed[0], changed[1] = changed[1], changed[0]
    rewrite(bundle, changed)
    assert verified(alone, bundle).returncode == 0


def _other(field: str, value: object) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]]:
    return lambda rows: [rows[0] | {field: value}, *rows[1:]]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("inventory.json", _other("files", 99)),
        ("inventory.json", _other("root", "00" * 32)),
        ("inventory.json", lambda rows: rows[1:]),
        ("notices.json", _other("id", "00" * 32)),
        ("notices.json", _other("attempts", [{"id": "00" * 32}])),
    ],
)
def test_what_is_told_of_the_records_must_be_what_they_say(
    alone: Path, bundle: Path, name: str, change: Any
) -> None:
    data = json.dumps(change(json.loads((bundle / name).read_bytes()))).encode()
    (bundle / name).write_bytes(data)
    done = verified(alone, bundle)
    assert (done.returncode, done.stderr) == (1, f"{name} was changed.\n")
    manifest = json.loads((bundle / "manifest.json").read_bytes())
    manifest["files"][name] = blake3.blake3(data).hexdigest()
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    assert verified(alone, bundle).returncode == 1


@pytest.mark.parametrize("garbage", [b"", b"{}\n", b"no\n", b'{"plain": "gA=="}\n', b'{"plain": "xxx"}\n'])
def test_garbage_is_one_sentence(alone: Path, bundle: Path, garbage: bytes) -> None:
    (bundle / "records.jsonl").write_bytes(garbage)
    done = verified(alone, bundle)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    (bundle / "manifest.json").unlink()
    assert verified(alone, bundle).returncode == 2


def test_a_zip_holds_the_same(saved: Computer, alone: Path, tmp_path: Path) -> None:
    evidence = evidence_of(saved)
    write_bundle(evidence, tmp_path / "bundle.zip", accounts(evidence), lambda: False)
    with zipfile.ZipFile(tmp_path / "bundle.zip") as archive:
        archive.extractall(tmp_path / "out")
    assert verified(alone, tmp_path / "out").returncode == 0
    with pytest.raises(BadUsage):
        write_bundle(evidence, tmp_path / "bundle.zip", {}, lambda: False)
    with pytest.raises(KeyboardInterrupt):
        write_bundle(evidence, tmp_path / "other", {}, lambda: True)
    assert sorted(os.listdir(tmp_path)) == ["bundle.zip", "out"]


def test_an_inventory_of_a_source_and_a_time(saved: Computer, alone: Path, tmp_path: Path) -> None:
    one, two = sorted(saved.snapshots(), key=lambda snapshot: snapshot.body.name)
    for number, (wanted, names) in enumerate(
        [
            (Wanted(source=one.body.source), ["one"]),
            (Wanted(since=two.body.started), ["two"]),
            (Wanted(until=two.body.started), ["one"]),
            (Wanted(until=one.body.started), []),
        ]
    ):
        evidence = evidence_of(saved, wanted)
        write_bundle(evidence, tmp_path / str(number), {}, lambda: False)
        inventory = json.loads((tmp_path / str(number) / "inventory.json").read_bytes())
        assert [row["name"] for row in inventory] == names
        assert len(rows(tmp_path / str(number))) == len(evidence.records)
        assert verified(alone, tmp_path / str(number)).returncode == 0


def test_the_account_tells_in_both_languages(bundle: Path) -> None:
    english = (bundle / "account.en.txt").read_text()
    chinese = (bundle / "account.zh.txt").read_text()
    for words in ("given to mail, which took it (250 ok)", "copy-away (main)", "the owner acknowledged it"):
        assert words in english
    assert "主人已确认知道" in chinese
    assert len(english.splitlines()) == len(chinese.splitlines())


def test_no_key_and_no_content_is_in_it(saved: Computer, bundle: Path) -> None:
    with saved.opened() as session:
        master = session.vault.keys.master
    for path in bundle.iterdir():
        data = path.read_bytes()
        assert master not in data
        assert master.hex().encode() not in data
    plains = b"".join(base64.b64decode(row["plain"]) for row in rows(bundle))
    assert master not in plains
    assert b"correct horse" not in plains


def test_verify_imports_nothing_but_blake3() -> None:
    tops = set()
    for node in ast.walk(ast.parse(VERIFY.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        tops |= {name.split(".")[0] for name in names}
    assert tops - sys.stdlib_module_names == {"blake3"}


def test_a_log_that_is_not_whole_is_shown_as_it_is(alone: Path, tmp_path: Path) -> None:
    computer = new_vault(tmp_path)
    (tmp_path / "files").mkdir()
    computer.add(tmp_path / "files", "files")
    (log,) = (computer.copy / "log").iterdir()
    third = next(log.glob("0000000003-*"))
    third.unlink()
    evidence = evidence_of(computer)
    assert evidence.troubles
    write_bundle(evidence, tmp_path / "bundle", accounts(evidence), lambda: False)
    assert "missing or damaged" in (tmp_path / "bundle" / "account.en.txt").read_text()
    done = verified(alone, tmp_path / "bundle")
    assert done.returncode == 1
    assert done.stderr.startswith(f"Row 3: record 3 of device {log.name}, which comes before it, is missing.")
