"""`maqal eval`, run as a person runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from index.settings import IndexSettings
from tests.conftest import BUNDLED_ID

MAQAL = str(Path(sys.executable).with_name("maqal"))
HARBOUR = """# A morning in Lindow

The ferry Aurora left the harbour of Lindow at six in the morning with 214 passengers on board.

Captain Maria Holt said: “The engine of the ferry stopped twice before noon.”

The museum of glass will open on 3 May, after four years of building work.
"""
ROWS = [
    ("a", "en", "How many passengers did the ferry Aurora carry?", [1], "214"),
    ("b", "en", "How many passengers did the ferry Aurora carry?", [], ""),
    ("c", "en", "How many passengers did the ferry Aurora carry?", [2], "[bold]"),
    ("d", "ru", "Сколько пассажиров было на пароме Aurora?", [1], "214"),
]


def maqal(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [MAQAL, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def refused(*arguments: str | Path) -> str:
    """Run what must be refused; returns what it said to standard error."""
    done = maqal(*arguments)
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert done.stderr.startswith("Error: "), done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.fixture
def harbour(tmp_path: Path) -> Path:
    """The article's folder, with another file in it that is no article."""
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "harbour.md").write_text(HARBOUR, encoding="utf-8")
    (folder / "notes.csv").write_text("1,2\n")
    return folder


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    file = tmp_path / "harbour.jsonl"
    names = ("id", "language", "question", "paragraphs", "key")
    rows = [json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) for row in ROWS]
    file.write_text("\n".join(rows), encoding="utf-8")
    return file


def test_tables_and_failures(questions: Path, harbour: Path, tmp_path: Path) -> None:
    done = maqal("eval", questions, "--index", harbour, "--bundled")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].endswith("; answers: 4 extractive.")
    # The file asks the article of its name, not the bundled one, and by file there is nothing to compare.
    assert "By language" in lines
    assert "By file" not in lines
    cells = {line.split()[0]: line.split()[1:] for line in lines[lines.index("By language") + 3 :][:3]}
    assert list(cells) == ["en", "ru", "all"]
    # n, hit@1, hit@3, key, refusal precision and recall, wrongly refused: of two English questions one is right.
    assert cells["en"][:7] == ["3", "50.0", "100.0", "50.0", "–", "0.0", "0.0"]
    assert "3 of 4 questions failed:" in lines or "2 of 4 questions failed:" in lines
    assert next(line for line in lines if line.startswith("b  ")).startswith(
        "b  should have refused: nearest §1, cosine"
    )
    told = next(line for line in lines if line.startswith("c  "))
    assert told.startswith("c  key not quoted: \u2068[bold]\u2069; quoted §1")
    assert "not first: expected §2, number " in told
    assert lines[lines.index(told) + 1] == ROWS[2][2]
    # What was measured on is gone, and nothing was indexed.
    assert not (tmp_path / "data").exists()


def test_json(questions: Path, harbour: Path) -> None:
    report = json.loads(maqal("eval", questions, "--index", harbour / "harbour.md", "--json").stdout)
    assert report["model"] == "extractive"
    assert report["all"]["questions"] == 4
    assert report["languages"]["en"]["hit_1"] == {"count": 1, "of": 2, "share": 0.5}
    assert report["files"][str(questions)] == report["all"]
    assert report["all"]["quotes_valid"]["share"] == 1.0
    first = report["questions"][0]
    assert (first["id"], first["rank"], first["faults"], first["line"]) == ("a", 1, [], 1)
    assert first["expected"] == [{"article_id": "harbour", "paragraph": 1}]
    assert {"article_id", "paragraph", "score", "cosine", "bm25"} == set(first["found"][0])
    assert "214" in first["quotes"][0]["text"]
    faults = {failure["id"]: list(failure["faults"]) for failure in report["failures"]}
    assert faults["b"] == ["should_have_refused"]


def test_the_index_that_is_there(index_settings: IndexSettings, tmp_path: Path) -> None:
    row = {
        "id": "1",
        "language": "en",
        "question": "How many soldiers arrived in Kazakhstan?",
        "paragraphs": [2],
        "key": "2500",
    }
    (tmp_path / "mine.jsonl").write_text(json.dumps(row))
    for options in ((), ("--article", BUNDLED_ID), ("--bundled",)):
        report = json.loads(maqal("eval", tmp_path / "mine.jsonl", *options, "--json").stdout)
        assert report["questions"][0]["expected"] == [{"article_id": BUNDLED_ID, "paragraph": 2}]
        assert report["all"]["key_quoted"]["count"] == 1


def test_what_is_refused(questions: Path, harbour: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_text(questions.read_text(encoding="utf-8") + "\nnot JSON\n", encoding="utf-8")
    assert f"{broken}, line 5: not JSON" in refused("eval", questions, broken, "--index", harbour)
    assert "There is no file at none.jsonl" in refused("eval", "none.jsonl")
    (tmp_path / "empty.jsonl").write_text("")
    assert "empty.jsonl holds no question" in refused("eval", tmp_path / "empty.jsonl")
    assert "There is no file at" in refused("eval", questions, "--index", tmp_path / "none.txt")
    (tmp_path / "nothing").mkdir()
    assert "There is no article in" in refused("eval", questions, "--index", tmp_path / "nothing")
    assert "No article is indexed" in refused("eval", questions)
    assert "'nothing'" in refused("eval", questions, "--index", harbour, "--article", "nothing")
    row = {"id": "1", "language": "en", "question": "How many?", "paragraphs": [4], "key": "214"}
    (tmp_path / "beyond.jsonl").write_text(json.dumps(row))
    said = refused("eval", tmp_path / "beyond.jsonl", "--index", harbour)
    assert "beyond.jsonl, line 1: `paragraphs` has 4, and harbour ends with paragraph 3." in said
