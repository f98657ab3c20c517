"""From samples to what a reader sees."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench import report
from bench.picture import picture
from bench.samples import Key, Results, Sample, cells, ratio
from bench.tables import tables

SVG = "{http://www.w3.org/2000/svg}"


def sample(
    peer: str, wall: float, operation: str = "first", stored: int = 0, place: str = "memory"
) -> Sample:
    return Sample(place, "photos", operation, peer, wall, wall / 2, wall / 4, int(wall * 100) << 20, stored)


def results() -> Results:
    made = Results({"command": "make bench", "file system, memory": "tmpfs"})
    made.peers = {peer: {"version": f"{peer} 1", "unlocks": "key"} for peer in ("vaultd", "restic", "cp")}
    made.corpora = {"photos": {"files": 1234, "folders": 5, "bytes": 2_000_000}}
    for wall in (2.0, 1.0, 6.0):
        made.samples += [sample("vaultd", wall, stored=900), sample("restic", 4 * wall, stored=1000)]
    made.samples += [sample("cp", 0.5), sample("vaultd", 1, "check"), sample("restic", 1, "check")]
    return made


def test_a_cell_has_the_least_and_the_median_and_the_highest_peak() -> None:
    cell = cells(results().samples)[Key("memory", "photos", "first", "vaultd")]
    assert (cell.runs, cell.wall, cell.wall_median) == (3, 1.0, 2.0)
    assert (cell.user, cell.user_median, cell.system, cell.system_median) == (0.5, 1.0, 0.25, 0.5)
    assert cell.peak == 600 << 20
    assert cell.stored == 900


def test_a_ratio_is_of_the_least() -> None:
    found = cells(results().samples)
    key = Key("memory", "photos", "first", "vaultd")
    assert ratio(found, key, "restic") == 0.25
    assert ratio(found, key, "cp") == 2.0
    assert ratio(found, key, "borg") is None
    assert ratio(found, key._replace(operation="ls"), "restic") is None


def test_a_ratio_to_nothing_is_none() -> None:
    found = cells([sample("vaultd", 1), sample("cp", 0)])
    assert ratio(found, Key("memory", "photos", "first", "vaultd"), "cp") is None


def test_what_was_saved_is_what_is_loaded(tmp_path: Path) -> None:
    made = results()
    made.note("left out")
    made.note("left out")
    made.save(tmp_path / "a/results.json")
    loaded = Results.load(tmp_path / "a/results.json")
    assert loaded == made
    assert loaded.notes == ["left out"]
    Results({}).save(tmp_path / "empty.json")
    assert json.loads((tmp_path / "empty.json").read_text())["samples"] == []


def test_a_table_says_what_how_long_and_beside_whom() -> None:
    text = tables(results())
    assert "| command | make bench |" in text
    assert "| restic | restic 1; opened by: key |" in text
    assert "| photos | 1,234 files in 5 folders, 2.0 MB |" in text
    assert "### photos, in memory (tmpfs)" in text
    assert "|  | vaultd | restic | cp | vaultd / restic | vaultd / cp |" in text
    first = next(line for line in text.splitlines() if line.startswith("| first snapshot"))
    assert "**1.00** (2.00), 0.50 + 0.25, 600" in first
    assert first.endswith("| 0.25, user 0.25 | 2.00 |")
    assert "| after: first snapshot | 0.00 | 0.00 (0.900) | - |" in text


def test_a_table_says_what_a_snapshot_added() -> None:
    made = results()
    assert "MB added" not in tables(made)
    made.samples += [
        sample("vaultd", 1, "change", stored=2_000_900),
        sample("restic", 1, "change", stored=4_001_000),
        sample("vaultd", 1, "edited", stored=2_000_900),
        sample("restic", 1, "edited", stored=4_001_000),
    ]
    text = tables(made)
    assert "| MB added | vaultd | restic | cp |" in text
    assert "| added by: one file changed | 2.00 | 4.00 (0.500) | - |" in text
    assert "| added by: edited generation | 0.00 | 0.00 | - |" in text


def test_every_row_of_a_table_has_as_many_cells() -> None:
    for block in tables(results()).split("\n\n"):
        widths = {line.count("|") for line in block.splitlines() if line.startswith("|")}
        assert len(widths) <= 1


def test_the_picture_is_an_svg_with_a_mark_for_each_ratio() -> None:
    drawn = ET.fromstring(picture(cells(results().samples), "memory"))
    marks = list(drawn.iter(f"{SVG}circle"))
    assert len(marks) == 1 + 2  # one in the legend
    first, check = (float(mark.attrib["cx"]) for mark in marks[1:])
    one = float(next(line for line in drawn.iter(f"{SVG}line") if line.get("class") == "one").attrib["x1"])
    assert check == pytest.approx(one)
    assert first < one
    style = next(drawn.iter(f"{SVG}style")).text or ""
    assert "prefers-color-scheme: dark" in style


def test_the_picture_keeps_what_lies_far_outside_in_its_frame() -> None:
    made = [
        sample("vaultd", 1000),
        sample("restic", 1),
        sample("vaultd", 0.0001, "ls"),
        sample("restic", 1, "ls"),
    ]
    drawn = ET.fromstring(picture(cells(made), "memory"))
    assert all(0 < float(mark.attrib["cx"]) < 760 for mark in drawn.iter(f"{SVG}circle"))


def readme(folder: Path) -> Path:
    marks = ["results", "scale-million"]
    page = "\n\n".join(f"<!-- {mark} -->\nold {mark}\n<!-- end of {mark} -->" for mark in marks)
    (folder / "README.md").write_text(f"before\n\n{page}\n\nafter\n")
    return folder / "README.md"


def test_a_run_replaces_its_own_place_in_the_readme_and_nothing_else(tmp_path: Path) -> None:
    page = readme(tmp_path)
    report.publish(results(), tmp_path)
    report.publish(results(), tmp_path)
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old results" not in text
    assert "old scale-million" in text
    assert text.count("### photos") == 1
    assert (tmp_path / report.PICTURE).exists()
    assert Results.load(tmp_path / report.RESULTS) == results()


def test_a_part_has_a_place_of_its_own(tmp_path: Path) -> None:
    page = readme(tmp_path)
    report.publish_part(results(), "million", tmp_path)
    assert "old results" in page.read_text()
    assert "old scale-million" not in page.read_text()


def test_the_readme_has_a_place_for_every_part(tmp_path: Path) -> None:
    from bench.suites import PARTS

    (tmp_path / "README.md").write_text((report.FOLDER / "README.md").read_text())
    report.publish(results(), tmp_path)
    for part in PARTS:
        report.publish_part(results(), part.corpus.name, tmp_path)
    assert (tmp_path / "README.md").read_text().count("### photos") == 1 + len(PARTS)
