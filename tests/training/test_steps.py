"""Every step of the training, for real, on a world of ten sentences and a teacher of two layers."""

import json
import lzma
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sentence_transformers")

from tokenizers import Tokenizer

from index.embedding import OnnxEncoder, load_encoder
from index.exceptions import ConfigurationError
from training.__main__ import STEPS
from training.curve import draw
from training.pairs import PAIRS, PIVOTS, QUESTIONS, read_rows
from training.recipe import read_recipe
from training.steps import Work, run_step
from training.translation import learn_translations

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "training" / "recipes" / "base.toml"
ENGLISH = ["the house is big", "the book is big", "a house and a book", "the small house", "a small book is here"]
ARABIC = ["البيت كبير", "الكتاب كبير", "بيت وكتاب", "البيت الصغير", "كتاب صغير هنا"]
RUSSIAN = ["дом большой", "книга большая", "дом и книга", "маленький дом", "маленькая книга здесь"]


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two layers with the words of the English sentences for pieces."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("teacher")
    words = sorted({word for text in ENGLISH for word in text.split()})
    letters = [*"abcdefghijklmnopqrstuvwxyz.", *(f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz")]
    pieces = list(dict.fromkeys(["[PAD]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "한", *words, *letters]))
    tokenizer = Tokenizer(models.WordPiece({p: i for i, p in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 3), ("[SEP]", 4)]
    )
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]").save_pretrained(folder)
    torch.manual_seed(0)
    size = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    BertModel(BertConfig(vocab_size=len(pieces), **size)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, teacher: Path) -> tuple[Path, Path]:
    """The data and a recipe for it."""
    data = tmp_path_factory.mktemp("data")
    (data / "parallel").mkdir()
    for language, foreign in (("ar", ARABIC), ("ru", RUSSIAN)):
        rows = [f"ntrex\t{e}\t{f}" for e, f in zip(ENGLISH, foreign, strict=True)]
        rows += [
            rows[0],
            f"odoo\tSave\t{foreign[0]}",
            f"odoo\tplease save this big house now\t{foreign[1]} {foreign[3]}",
        ]
        with lzma.open(data / "parallel" / f"en-{language}.tsv.xz", "wt", encoding="utf-8") as file:
            file.write("\n".join(rows))
    with lzma.open(data / "parallel" / "names-ar.tsv.xz", "wt", encoding="utf-8") as file:
        file.write("tokayev\tتوكاييف")
    dev = data / "evaluation" / "dev" / "tatoeba"
    dev.mkdir(parents=True)
    (dev / "tatoeba.ara-eng.eng").write_text("The small HOUSE\n")
    train = data / "evaluation" / "train"
    train.mkdir()
    paragraph = {
        "context": "The house is big. A book is here. It is small.",
        "qas": [{"question": "Is the house big?"}],
    }
    (train / "tydiqa-goldp.en.json").write_text(json.dumps({"data": [{"paragraphs": [paragraph]}]}))
    values = read_recipe(RECIPE).__dict__ | {"teacher": str(teacher), "languages": ["ar", "ru"], "most_tokens": 32}
    values |= {"steps": 130, "steps_between_checkpoints": 20, "tokens_of_batch": 400, "least_agreement": 0.9}
    values |= {"sentences_of_paragraph": 3}
    values |= {"taught_share": {"odoo": 0.0}}
    values |= {"new_pieces": {"ar": 80, "ru": 80}, "most_pairs": {"ar": 50, "ru": 50}}
    recipe = data / "tiny.toml"
    recipe.write_text("\n".join(f"{k} = {_toml(v)}" for k, v in values.items()), encoding="utf-8")
    return data, recipe


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k} = {json.dumps(v)}" for k, v in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


def train(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error::UserWarning", "-m", "training", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def work(world: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder after all steps."""
    data, recipe = world
    folder = tmp_path_factory.mktemp("work")
    done = train("all", "--data", str(data), "--recipe", str(recipe), "--work", str(folder))
    assert done.returncode == 0, done.stderr
    return folder


class TestPairs:
    def test_sentences_names_and_no_short_interface_strings(self, work: Path) -> None:
        rows = read_rows(work / "pairs" / PAIRS)
        assert ["ar", "ntrex", "the house is big", "البيت كبير"] in rows
        assert ["ar", "names", "tokayev", "توكاييف"] in rows
        assert not [row for row in rows if row[2] == "Save"]
        assert [row for row in rows if row[1] == "odoo"]
        assert len({tuple(row) for row in rows}) == len(rows)

    def test_nothing_of_a_development_set_is_left(self, work: Path) -> None:
        assert not [row for row in read_rows(work / "pairs" / PAIRS) if "small house" in row[2]]
        assert json.loads((work / "pairs" / "done.json").read_text())["facts"]["left_out_as_development_text"] == 2

    def test_neighbouring_sentences_are_one_text_too(self, work: Path) -> None:
        paragraphs = {row[0]: row for row in read_rows(work / "pairs" / PAIRS) if row[1] == "ntrex-paragraph"}
        assert paragraphs["ar"][2:] == [" ".join(ENGLISH[:3]), " ".join(ARABIC[:3])]
        assert paragraphs["ru"][2] == paragraphs["ar"][2]

    def test_pivots_meet_through_english(self, work: Path) -> None:
        pivots = {frozenset((row[1], row[3])) for row in read_rows(work / "pairs" / PIVOTS)}
        assert frozenset(("البيت كبير", "дом большой")) in pivots

    def test_questions_and_sentences_taken_out_of_their_passage(self, work: Path) -> None:
        rows = {row[1]: row for row in read_rows(work / "pairs" / QUESTIONS)}
        assert rows["tydiqa-goldp.en"][2:4] == ["Is the house big?", "The house is big. A book is here. It is small."]
        sentence, passage = rows["tydiqa-goldp.en-cloze"][2:4]
        assert sentence not in passage

    def test_a_broken_line_is_named_by_its_number(self, world: tuple[Path, Path], tmp_path: Path) -> None:
        (tmp_path / "parallel").mkdir()
        with lzma.open(tmp_path / "parallel" / "en-ar.tsv.xz", "wt", encoding="utf-8") as file:
            file.write("a\tb\tc\nbroken\n")
        done = train("pairs", "--data", str(tmp_path), "--recipe", str(world[1]), "--work", str(tmp_path / "work"))
        assert done.returncode == 2
        assert "Line 2" in done.stderr
        assert not (tmp_path / "work" / "pairs").exists()


class TestSteps:
    def test_a_second_run_does_nothing_again(self, work: Path, world: tuple[Path, Path]) -> None:
        data, recipe = world
        written = {path: path.stat().st_mtime_ns for path in work.rglob("*") if path.is_file()}
        done = train("all", "--data", str(data), "--recipe", str(recipe), "--work", str(work))
        assert done.stdout.count("done already") == len(STEPS)
        assert {path: path.stat().st_mtime_ns for path in work.rglob("*") if path.is_file()} == written

    def test_another_recipe_or_input_does_it_again(self, tmp_path: Path) -> None:
        recipe = read_recipe(RECIPE)
        calls: list[str] = []

        def count(_work: Work, output: Path) -> dict[str, str]:
            calls.append(output.name)
            return {}

        for seed in (0, 0, 1):
            work = Work(type(recipe)(**recipe.__dict__ | {"seed": seed}), tmp_path, tmp_path, print)
            run_step("one", count, work, after=None, uses=["seed"])
            run_step("two", count, work, after="one", uses=["name"])
        assert calls == ["one.unfinished", "two.unfinished"] * 2

    def test_every_value_of_the_recipe_is_used_by_a_step(self) -> None:
        used = {name for _, uses in STEPS.values() for name in uses}
        assert used | {"steps_between_checkpoints"} == read_recipe(RECIPE).__dict__.keys()

    def test_an_interruption_leaves_nothing_half_done(self, tmp_path: Path) -> None:
        work = Work(read_recipe(RECIPE), tmp_path, tmp_path, print)

        def broken(_work: Work, output: Path) -> dict[str, str]:
            (output / "half").write_text("")
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run_step("one", broken, work, after=None, uses=[])
        with pytest.raises(ConfigurationError, match="not done"):
            work.output("one")

    def test_a_step_before_its_input(self, world: tuple[Path, Path], tmp_path: Path) -> None:
        done = train("teach", "--data", str(world[0]), "--recipe", str(world[1]), "--work", str(tmp_path))
        assert done.returncode == 2
        assert "python -m training student" in done.stderr

    @pytest.mark.parametrize("text", ["seed = 1", "nonsense", "colour = 1"])
    def test_a_broken_recipe(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "r.toml").write_text(text)
        with pytest.raises(ConfigurationError, match=r"r\.toml"):
            read_recipe(tmp_path / "r.toml")


class TestModel1:
    def test_words_that_occur_together_are_translations(self) -> None:
        foreign = [[1, 2], [1, 3], [4, 2]]
        english = [[10, 20], [10, 30], [40, 20]]
        table = learn_translations(foreign, english, rounds=20, english_pieces=50)
        for piece, translation in ((1, 10), (2, 20), (3, 30), (4, 40)):
            best, probability = table.best(piece, 1)
            assert best[0] == translation
            assert probability[0] > 0.8
        assert len(table.best(99, 5)[0]) == 0

    def test_probabilities_of_a_piece_sum_to_one(self) -> None:
        table = learn_translations([[1, 2, 2], [3]], [[5, 6], [7, 5]], rounds=3, english_pieces=8)
        for piece in (1, 2, 3):
            assert table.best(piece, 99)[1].sum() == pytest.approx(1, abs=1e-5)


class TestLexicon:
    def test_words_of_the_pairs_are_translations(self, work: Path) -> None:
        with lzma.open(work / "lexicon" / "en-ar.tsv.xz", "rt", encoding="utf-8") as file:
            rows = [line.rstrip("\n").split("\t") for line in file]
        likely = {(english, arabic) for english, arabic, there, _ in rows if float(there) > 0.5}
        assert {("book", "كتاب"), ("hous", "بيت")} & likely
        assert not [row for row in rows if row[0].startswith("~")]


class TestStudent:
    def test_it_is_its_teacher_on_english_and_loads_as_an_encoder(self, work: Path) -> None:
        facts = json.loads((work / "student" / "done.json").read_text())["facts"]
        assert facts["english_agreement"] > 0.999
        encoder = load_encoder(str(work / "student"))
        assert encoder.fingerprint.dimension == 16
        assert encoder.encode_passages(["البيت كبير"]).shape == (1, 16)

    def test_useless_pieces_are_gone_and_new_ones_there(self, work: Path) -> None:
        tokenizer = json.loads((work / "vocabulary" / "tokenizer.json").read_text(encoding="utf-8"))
        pieces = tokenizer["model"]["vocab"]
        assert "[unused1]" not in pieces
        assert "한" not in pieces
        assert "дом" in pieces
        assert pieces["[PAD]"] == 0

    def test_targets_are_the_teachers_vectors(self, work: Path) -> None:
        texts = (work / "teach" / "texts.txt").read_text().splitlines()
        vectors = np.load(work / "teach" / "vectors.npy").astype(np.float32)
        assert len(texts) == len(set(texts)) == len(vectors)
        assert "the house is big" in texts
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=0.01)

    def test_a_source_is_taught_to_its_share(self, work: Path) -> None:
        texts = (work / "teach" / "texts.txt").read_text().splitlines()
        assert "please save this big house now" not in texts
        assert "tokayev" in texts

    def test_aligned_pieces_are_nearer_to_their_translations(self, work: Path) -> None:
        rows = [row for row in read_rows(work / "pairs" / PAIRS) if row[1] == "ntrex"]
        tokenizer = Tokenizer.from_file(str(work / "vocabulary" / "tokenizer.json"))
        known = len(json.loads((work / "vocabulary" / "teacher_ids.json").read_text()))
        lead = {}
        for step in ("initialise", "align"):
            vectors = np.load(work / step / "embeddings.npy").astype(np.float32)
            english, foreign = (
                np.stack([vectors[tokenizer.encode(row[i], add_special_tokens=False).ids].mean(0) for row in rows])
                for i in (2, 3)
            )
            english -= english.mean(0)
            foreign -= foreign.mean(0)
            cosines = english @ foreign.T
            cosines /= np.linalg.norm(english, axis=1)[:, None] * np.linalg.norm(foreign, axis=1)
            same = np.array([[a[2] == b[2] for a in rows] for b in rows])
            lead[step] = cosines[same].mean() - cosines[~same].mean()
        assert lead["align"] > lead["initialise"]
        before, after = (np.load(work / step / "embeddings.npy")[:known] for step in ("initialise", "align"))
        assert np.array_equal(before, after)


class TestTraining:
    def test_translations_come_nearer_to_their_own_english_text(self, work: Path) -> None:
        lines = [json.loads(line) for line in (work / "train" / "log.jsonl").read_text().splitlines()]
        assert [line["step"] for line in lines] == [100, 130]
        assert {"translation", "pivot", "question"} <= lines[0].keys()
        rows = [row for row in read_rows(work / "pairs" / PAIRS) if row[1] == "ntrex"]
        texts = (work / "teach" / "texts.txt").read_text().splitlines()
        wanted = np.load(work / "teach" / "vectors.npy").astype(np.float32)
        own = [texts.index(row[2]) for row in rows]
        lead = {}
        for step in ("student", "train"):
            cosines = load_encoder(str(work / step)).encode_passages([row[3] for row in rows]) @ wanted.T
            lead[step] = float((cosines[np.arange(len(own)), own] - cosines.mean(1)).mean())
        assert lead["train"] > 2 * lead["student"]

    def test_the_losses_become_a_picture(self, work: Path, tmp_path: Path) -> None:
        draw(work / "train" / "log.jsonl", tmp_path / "curve.svg")
        picture = (tmp_path / "curve.svg").read_text(encoding="utf-8")
        assert picture.count("line2d_") > 3

    def test_a_killed_run_goes_on_from_its_checkpoint(
        self, work: Path, world: tuple[Path, Path], tmp_path: Path
    ) -> None:
        data, recipe = world
        folder = shutil.copytree(work, tmp_path / "work")
        shutil.rmtree(folder / "train")
        arguments = ["train", "--data", str(data), "--recipe", str(recipe), "--work", str(folder)]
        command = [sys.executable, "-m", "training", *arguments]
        killed = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        while not (folder / "train.checkpoint.pt").exists():
            assert killed.poll() is None
            time.sleep(0.02)
        killed.kill()
        killed.wait()
        done = train(*arguments)
        assert done.returncode == 0, done.stderr
        facts = json.loads((folder / "train" / "done.json").read_text())["facts"]
        assert facts["resumed_at"] >= 20
        assert not list(folder.glob("train.checkpoint*"))


class TestExport:
    def test_the_product_runs_it_and_it_agrees_with_the_student(self, work: Path) -> None:
        exported, student = load_encoder(str(work / "export")), load_encoder(str(work / "train"))
        assert isinstance(exported, OnnxEncoder)
        assert exported.fingerprint.dimension == student.fingerprint.dimension == 16
        texts = [*ARABIC, *ENGLISH]
        cosines = (exported.encode_passages(texts) * student.encode_passages(texts)).sum(1)
        assert cosines.mean() > 0.9
        assert exported.count_tokens("البيت كبير") == student.count_tokens("البيت كبير")
