"""The encoder benchmark: its measures by hand, its readers on good and broken files, and the command as a user runs it."""

import json
import math
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.encoder.data import (
    TATOEBA,
    TYDIQA,
    XQUAD,
    DataUnreadable,
    read_flores,
    read_tatoeba,
    read_tydiqa,
    read_xquad,
    read_xquad_language,
)
from benchmarks.encoder.metrics import ndcg, recall
from benchmarks.encoder.rankers import DenseRanker, LexicalRanker, rank_by_each
from index.embedding import Encoder

ROOT = Path(__file__).parents[2]
DEVELOPMENT = ROOT.parent / "shared" / "evaluation" / "dev"
SENTENCES = ["Apples are red.", "The minister resigned.", "It rained in Almaty."]
PARAGRAPHS = ["The bridge was built in 1931.", "The dog chased a cat.", "Wheat grows in the north."]
QUESTIONS = ["When was the bridge built?", "What did the dog chase?"]


@pytest.fixture
def dev(tmp_path: Path) -> Path:
    """The development sets' layout with three sentences, three paragraphs and two questions, English everywhere."""
    folder = tmp_path / "dev"
    for name in ("tatoeba", "flores200"):
        (folder / name).mkdir(parents=True)
    lines = "".join(f"{sentence}\n" for sentence in SENTENCES)
    for code in TATOEBA.values():
        for side in ("eng", code):
            (folder / "tatoeba" / f"tatoeba.{code}-eng.{side}").write_text(lines, encoding="utf-8")
    for code in ("eng_Latn", "kaz_Cyrl"):
        (folder / "flores200" / f"{code}.devtest").write_text(lines, encoding="utf-8")
    questions = [{"id": str(i), "question": q, "paragraph": i, "answer": ""} for i, q in enumerate(QUESTIONS)]
    for language in ("en", *XQUAD):
        content = {"paragraphs": PARAGRAPHS, "questions": questions}
        (folder / f"xquad-even.{language}.json").write_text(json.dumps(content), encoding="utf-8")
    contexts = [PARAGRAPHS[0], PARAGRAPHS[0], PARAGRAPHS[1]]
    asked = [QUESTIONS[0], "Which year is the bridge from?", QUESTIONS[1]]
    articles = [
        {"title": "", "paragraphs": [{"context": c, "qas": [{"id": q, "question": q}]}]}
        for c, q in zip(contexts, asked, strict=True)
    ]
    for language in TYDIQA:
        (folder / f"tydiqa-goldp.{language}.json").write_text(json.dumps({"data": articles}), encoding="utf-8")
    return folder


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The command, from the repository's root, as its README says."""
    command = [sys.executable, "-m", "benchmarks.encoder", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)


class TestMetrics:
    # The right candidate stands first, third, nowhere, and second.
    RANKINGS = ([4, 1, 2], [0, 1, 9], [3, 2, 1], [5, 7, 6])
    RELEVANT = (4, 9, 0, 7)

    def test_accuracy(self) -> None:
        assert recall(self.RANKINGS, self.RELEVANT, 1) == 1 / 4

    @pytest.mark.parametrize(("k", "expected"), [(1, 0.25), (2, 0.5), (3, 0.75), (10, 0.75)])
    def test_recall(self, k: int, expected: float) -> None:
        assert recall(self.RANKINGS, self.RELEVANT, k) == expected

    def test_ndcg(self) -> None:
        assert ndcg(self.RANKINGS, self.RELEVANT, 10) == pytest.approx((1 + 1 / 2 + 0 + 1 / math.log2(3)) / 4)

    def test_ndcg_past_the_cut_is_nothing(self) -> None:
        assert ndcg(self.RANKINGS, self.RELEVANT, 2) == pytest.approx((1 + 1 / math.log2(3)) / 4)

    def test_an_empty_ranking_is_a_miss(self) -> None:
        assert recall([[]], [0], 3) == ndcg([[]], [0], 10) == 0

    def test_a_ranking_for_each_query(self) -> None:
        with pytest.raises(ValueError, match="zip"):
            recall([[0]], [0, 1], 1)


class TestRankers:
    def test_each_finds_what_is_plain(self, dev: Path, encoder: Encoder) -> None:
        (task,) = [t for t in read_xquad(dev) if t.name == "en→en (of 3)"]
        rankings = rank_by_each(task, [DenseRanker("e", encoder)], LexicalRanker())
        assert list(rankings) == ["e", "e + BM25", "BM25"]
        assert [recall(each, task.relevant, 1) for each in rankings.values()] == [1, 1, 1]
        assert sorted(rankings["e"][0]) == [0, 1, 2]
        assert rankings["BM25"][1] == [1], "only what shares a word"

    def test_translations_are_not_fused(self, dev: Path, encoder: Encoder) -> None:
        assert list(rank_by_each(read_flores(dev)[0], [DenseRanker("e", encoder)], LexicalRanker())) == ["e", "BM25"]


class TestReaders:
    def test_tatoeba_has_both_directions(self, dev: Path) -> None:
        there, back, *others = read_tatoeba(dev)
        assert (there.name, back.name, len(others)) == ("en→ar (of 3)", "ar→en (of 3)", 14)
        assert there.is_translation
        assert there.relevant == (0, 1, 2)
        assert there.queries.texts == tuple(SENTENCES)

    def test_the_limit_takes_the_first(self, dev: Path) -> None:
        assert read_tatoeba(dev, 2)[0].candidates.texts == tuple(SENTENCES[:2])
        assert len(read_xquad(dev, 1)[0].queries.texts) == 1
        assert len(read_xquad(dev, 1)[0].candidates.texts) == 3, "paragraphs stay"

    def test_xquad_crosses_from_english_and_stays_in_each_language(self, dev: Path) -> None:
        names = [task.name.split()[0] for task in read_xquad(dev)]
        assert names == [
            "en→ar",
            "en→ru",
            "en→tr",
            "en→de",
            "en→es",
            "en→zh",
            "en→en",
            "ar→ar",
            "ru→ru",
            "tr→tr",
            "de→de",
            "es→es",
            "zh→zh",
        ]

    def test_a_passage_of_two_questions_counts_once(self, dev: Path) -> None:
        arabic, _ = read_tydiqa(dev)
        assert len(arabic.candidates.texts) == 2
        assert arabic.relevant == (0, 0, 1)

    def test_a_line_separator_within_a_sentence_ends_no_line(self, dev: Path) -> None:
        path = dev / "flores200" / "kaz_Cyrl.devtest"
        path.write_text("one\u2028still one\ntwo\nthree\n", encoding="utf-8")
        assert read_flores(dev)[0].candidates.texts[0] == "one\u2028still one"


def rewrite(path: Path, change: Callable[[dict[str, list[dict[str, object]]]], object]) -> None:
    """Load, change and save a JSON file."""
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


class TestBrokenFiles:
    @pytest.mark.parametrize("read", [read_tatoeba, read_flores, read_xquad, read_tydiqa])
    def test_a_missing_file_is_named(self, tmp_path: Path, read: Callable[[Path], object]) -> None:
        with pytest.raises(DataUnreadable, match="is missing") as caught:
            read(tmp_path / "nowhere")
        assert "nowhere" in caught.value.message
        assert "--data" in caught.value.fix

    @pytest.mark.parametrize(
        ("text", "message"),
        [(b"one\ntwo\n", "has 2 lines"), (b"", "empty"), (b"one\n\nthree\n", "empty line"), (b"\xff\xfe\n", "UTF-8")],
    )
    def test_sentences(self, dev: Path, text: bytes, message: str) -> None:
        (dev / "flores200" / "kaz_Cyrl.devtest").write_bytes(text)
        with pytest.raises(DataUnreadable, match=message):
            read_flores(dev)

    @pytest.mark.parametrize("text", ["{", "[]", "7", '{"paragraphs": ["x"]}', '{"paragraphs": [], "questions": []}'])
    def test_questions(self, dev: Path, text: str) -> None:
        (dev / "xquad-even.ar.json").write_text(text, encoding="utf-8")
        with pytest.raises(DataUnreadable, match=r"xquad-even\.ar\.json"):
            read_xquad(dev)

    @pytest.mark.parametrize("number", [3, -1, "first", None])
    def test_a_paragraph_that_is_not_there(self, dev: Path, number: object) -> None:
        rewrite(dev / "xquad-even.ar.json", lambda c: c["questions"][0].update(paragraph=number))
        with pytest.raises(DataUnreadable, match=r"xquad-even\.ar\.json"):
            read_xquad(dev)

    def test_languages_with_other_questions(self, dev: Path) -> None:
        rewrite(dev / "xquad-even.tr.json", lambda c: c["questions"].reverse())
        with pytest.raises(DataUnreadable, match=r"tr\.json has not the questions"):
            read_xquad(dev)

    @pytest.mark.parametrize("text", ["[]", "{}", '{"data": []}', '{"data": [{"paragraphs": [{}]}]}', '{"data": 1}'])
    def test_tydiqa(self, dev: Path, text: str) -> None:
        (dev / "tydiqa-goldp.ar.json").write_text(text, encoding="utf-8")
        with pytest.raises(DataUnreadable, match=r"tydiqa-goldp\.ar\.json"):
            read_tydiqa(dev)


class TestCommand:
    def test_measures_everything_in_one_run(self, dev: Path, tmp_path: Path, encoder_folder: Path) -> None:
        figures = tmp_path / "figures.json"
        done = run("--data", dev, "--model", encoder_folder, "--markdown", "--json", figures)
        assert done.returncode == 0, done.stderr
        header = next(line for line in done.stdout.splitlines() if line.startswith("|"))
        assert header == "|  | bundled | bundled + BM25 | copy | copy + BM25 | BM25 |"
        assert "cores" in done.stdout
        assert "onnxruntime" in done.stdout
        content = json.loads(figures.read_text(encoding="utf-8"))
        values = {section["title"]: section["rows"] for section in content["sections"]}
        # Both sides are the same sentences, so each is its own translation.
        translated = values["Tatoeba accuracy, %"]["kk→en (of 3)"]
        assert translated["bundled"] == translated["copy"] == 100
        assert values["XQuAD R@1, %"]["en→ar (of 3)"]["bundled + BM25"] == 100
        assert len(values["XQuAD nDCG@10, %"]) == 13
        assert set(values["TyDiQA R@1, %"]) == {"ar→ar (of 2)", "ru→ru (of 2)"}
        assert set(values["Texts per second"]["questions"]) == {"bundled", "copy"}
        (startup,) = values["Start-up, seconds"].values()
        assert set(startup) == {"bundled", "copy", "BM25"}
        assert all(seconds > 0 for seconds in startup.values())

    def test_the_table_for_the_terminal(self, dev: Path) -> None:
        done = run("--data", dev, "--only", "flores", "--quick")
        assert done.returncode == 0, done.stderr
        assert "FLORES-200 accuracy, %" in done.stdout
        assert "not comparable with full runs" in done.stdout
        assert "Tatoeba" not in done.stdout
        assert "kk→en (of 3)" in done.stderr, "progress"

    def test_models_of_one_name_stay_apart(self, dev: Path, encoder_folder: Path) -> None:
        done = run(
            "--data", dev, "--only", "flores", "--markdown", "--model", encoder_folder, "--model", encoder_folder
        )
        assert "| copy (2) |" in done.stdout, done.stderr

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--data", "no-such-folder"], "no-such-folder/tatoeba/tatoeba.ara-eng.eng is missing."),
            (["--data", "DEV", "--model", "DEV"], "holds no .safetensors weights."),
            (["--data", "DEV", "--only", "flores", "--json", "no-such-folder/x"], "cannot be written"),
        ],
    )
    def test_an_error_is_a_message_and_a_fix(self, dev: Path, arguments: list[str], message: str) -> None:
        done = run(*(argument.replace("DEV", str(dev)) for argument in arguments))
        assert done.returncode == 2
        assert message in done.stderr
        assert "Traceback" not in done.stderr
        assert done.stdout == ""


@pytest.fixture
def encoder_folder(tmp_path: Path) -> Path:
    """A copy of the bundled encoder in a folder named `copy`."""
    from importlib import resources

    from index.embedding import BUNDLED

    with resources.as_file(resources.files("index").joinpath("encoders", BUNDLED)) as bundled:
        shutil.copytree(bundled, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.mark.skipif(not DEVELOPMENT.exists(), reason=f"the development sets are not here: {DEVELOPMENT}")
class TestDevelopmentSets:
    @pytest.mark.parametrize("language", ["en", *XQUAD])
    def test_xquad(self, language: str) -> None:
        found = read_xquad_language(DEVELOPMENT, language)
        assert (len(found.questions.texts), len(found.paragraphs.texts)) == (612, 120)

    def test_xquad_is_parallel(self) -> None:
        assert {(len(t.queries.texts), len(t.candidates.texts)) for t in read_xquad(DEVELOPMENT)} == {(612, 120)}

    def test_tatoeba(self) -> None:
        sizes = {task.queries.language: len(task.relevant) for task in read_tatoeba(DEVELOPMENT)[1::2]}
        assert sizes == {**dict.fromkeys(TATOEBA, 1000), "kk": 575}

    def test_flores_and_tydiqa(self) -> None:
        assert [len(task.relevant) for task in read_flores(DEVELOPMENT)] == [1012, 1012]
        assert [len(task.relevant) for task in read_tydiqa(DEVELOPMENT)] == [921, 812]
