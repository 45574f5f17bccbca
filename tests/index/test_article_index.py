"""The index: nothing is embedded twice, nothing is lost, nothing half-done is seen, damage is mended."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from index.article_index import ArticleIndex
from index.articles import Article
from index.catalog import Catalog
from index.embedding import Encoder, Fingerprint, Vectors
from index.exceptions import (
    CatalogDamaged,
    ConfigurationError,
    DataDirectoryBusy,
    DataDirectoryError,
    EncoderMismatch,
    UnknownArticle,
)
from index.ingestion import add_article, remove_article
from index.readers import read_bundled, read_text
from index.sentences import sentence_spans
from index.settings import IndexSettings
from index.vector_store import VectorStore
from tests.conftest import BUNDLED_ID

NEWS = "Fire in Almaty\n\nA fire broke out on Monday.\n\nTwo people died in hospital."


class CountingEncoder:
    """The bundled encoder, counting the passages that it is given."""

    def __init__(self, encoder: Encoder, revision: str = "") -> None:
        self._encoder = encoder
        self.fingerprint = replace(encoder.fingerprint, revision=revision or encoder.fingerprint.revision)
        self.max_tokens = encoder.max_tokens
        self.embedded: list[str] = []

    def count_tokens(self, text: str) -> int:
        return self._encoder.count_tokens(text)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return self._encoder.encode_queries(texts)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        self.embedded += texts
        return self._encoder.encode_passages(texts)


def news(text: str = NEWS, origin: str = "/news/fire.txt") -> Article:
    return read_text(text, origin=origin)


def found(index: ArticleIndex, question: str) -> list[str]:
    return [passage.text for passage, _ in index.search_vectors(question, 50)]


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.fixture
def counting(encoder: Encoder) -> CountingEncoder:
    return CountingEncoder(encoder)


class TestIngestion:
    def test_ingesting_twice_embeds_nothing(self, index_settings: IndexSettings, counting: CountingEncoder) -> None:
        with ArticleIndex(index_settings, writable=True, encoder=counting) as index:
            again = add_article(index, read_bundled())
            assert (again.outcome, again.embedded, counting.embedded) == ("unchanged", 0, [])
            assert len(index.passages()) == 20

    def test_the_same_text_from_elsewhere_is_the_same_article(self, index_settings: IndexSettings) -> None:
        with ArticleIndex(index_settings, writable=True) as index:
            again = add_article(index, replace(read_bundled(), origin="/elsewhere/copy.txt"))
            assert (again.outcome, again.entry.id) == ("unchanged", BUNDLED_ID)

    def test_an_edited_file_replaces_its_old_version(
        self, index_settings: IndexSettings, counting: CountingEncoder
    ) -> None:
        with ArticleIndex(index_settings, writable=True, encoder=counting) as index:
            first = add_article(index, news())
            counting.embedded.clear()
            edited = add_article(index, news(NEWS.replace("Two people", "Three people")))
            assert (edited.outcome, edited.entry.id, edited.entry.version) == ("replaced", first.entry.id, 2)
            assert counting.embedded == ["Three people died in hospital."]
            texts = found(index, "How many died?")
            assert "Three people died in hospital." in texts
            assert "Two people died in hospital." not in texts
            assert {p.version for p in index.passages().values() if p.article_id == first.entry.id} == {2}
            assert len(texts) == 22

    def test_two_files_of_one_name_are_two_articles(self, index_settings: IndexSettings) -> None:
        with ArticleIndex(index_settings, writable=True) as index:
            one = add_article(index, news(origin="/a/news.txt")).entry
            other = add_article(index, news("Snow\n\nSnow fell on Almaty.", origin="/b/news.txt")).entry
            assert (one.id, other.id) == ("news", "news-2")

    def test_a_paragraph_that_two_articles_share_stays_when_one_goes(self, index_settings: IndexSettings) -> None:
        with ArticleIndex(index_settings, writable=True) as index:
            one = add_article(index, news("The same line.\n\nOne more.", origin="/a.txt")).entry
            add_article(index, news("The same line.\n\nAnother one.", origin="/b.txt"))
            remove_article(index, one.id)
            assert found(index, "same line").count("The same line.") == 1

    def test_removal(self, index_settings: IndexSettings) -> None:
        with ArticleIndex(index_settings, writable=True) as index:
            remove_article(index, BUNDLED_ID)
            assert index.articles() == []
            assert found(index, "Tokayev") == []
            with pytest.raises(UnknownArticle):
                remove_article(index, BUNDLED_ID)
        with ArticleIndex(index_settings) as index:
            assert found(index, "Tokayev") == []

    def test_what_was_said_of_an_article_can_change(self, index_settings: IndexSettings) -> None:
        with ArticleIndex(index_settings, writable=True) as index:
            titled = add_article(index, replace(read_bundled(), title="CSTO troops in Kazakhstan"))
            assert (titled.outcome, titled.embedded) == ("replaced", 0)
            assert index.articles()[0].article.title == "CSTO troops in Kazakhstan"

    def test_a_heading_is_embedded_once(self, index_settings: IndexSettings, counting: CountingEncoder) -> None:
        with ArticleIndex(index_settings, writable=True, encoder=counting) as index:
            added = add_article(index, news("Snow\n\nSnow fell on Almaty.\n\nIt melted.", origin="/a.txt"))
            assert added.embedded == 2
            other = add_article(index, news("Snow\n\nMore of it is expected.", origin="/b.txt")).entry
            remove_article(index, other.id)
            counting.embedded.clear()
            kept = index.heading_vectors(["Snow"])
            assert counting.embedded == []
            remove_article(index, added.entry.id)
            made = index.heading_vectors(["Snow"])
            assert counting.embedded == ["Snow"]
            assert np.allclose(kept, made, atol=1e-5)
            assert index.heading_vectors([]).shape == (0, counting.fingerprint.dimension)

    def test_progress_counts_what_is_embedded(self, index_settings: IndexSettings) -> None:
        seen: list[tuple[int, int]] = []
        with ArticleIndex(index_settings, writable=True) as index:
            add_article(index, news(), lambda done, total: seen.append((done, total)))
        assert seen == [(0, 3), (3, 3)]  # the heading, too

    def test_searches_while_articles_come_and_go(self, index_settings: IndexSettings) -> None:
        errors: list[BaseException] = []
        with ArticleIndex(index_settings, writable=True) as index:
            done = threading.Event()

            def search() -> None:
                try:
                    while not done.is_set():
                        assert len([t for t in found(index, "منظمة") if "كازاخستان" in t]) >= 10
                except BaseException as error:  # noqa: BLE001 - reported below, in the test's own thread
                    errors.append(error)

            threads = [threading.Thread(target=search) for _ in range(3)]
            for thread in threads:
                thread.start()
            for i in range(8):
                add_article(index, news(f"Report {i}.\n\nNumber {i} was seen.", origin=f"/{i % 2}.txt"))
            done.set()
            for thread in threads:
                thread.join()
        assert errors == []


class TestSearch:
    def test_one_article_of_several(self, index_settings: IndexSettings) -> None:
        with ArticleIndex(index_settings, writable=True) as index:
            fire = add_article(index, news()).entry
            assert {p.article_id for p, _ in index.search_vectors("Tokayev", 50, [fire.id])} == {fire.id}
            assert index.search_words("Tokayev", "en", 50, [fire.id]) == []
            assert {p.article_id for p, _ in index.search_words("Tokayev", "en", 50)} == {BUNDLED_ID}

    def test_scores_are_cosines(self, index_settings: IndexSettings, encoder: Encoder) -> None:
        with ArticleIndex(index_settings) as index:
            (passage, score), *_ = index.search_vectors("How many soldiers?", 3)
            vectors = encoder.encode_queries(["How many soldiers?"]) @ encoder.encode_passages([passage.text]).T
            assert score == pytest.approx(float(vectors[0, 0]), abs=1e-4)


class TestSentences:
    def test_their_vectors_are_kept_with_the_article_and_go_with_it(
        self, index_settings: IndexSettings, counting: CountingEncoder
    ) -> None:
        with ArticleIndex(index_settings, writable=True, encoder=counting) as index:
            entry = add_article(index, news()).entry
            passages = index.catalog.passages(entry.id)
            made = list(counting.embedded)
            found = index.sentence_vectors(passages)
            assert counting.embedded == made
            assert [len(vectors) for vectors in found] == [len(sentence_spans(p.text)) for p in passages]
            remove_article(index, entry.id)
            assert index.catalog.sentence_vectors(counting.fingerprint, [p.text_hash for p in passages]) == {}
            assert all(
                index.catalog.sentence_vectors(counting.fingerprint, [p.text_hash]) for p in index.catalog.passages()
            )

    def test_a_catalog_of_before_they_were_kept(self, index_settings: IndexSettings, counting: CountingEncoder) -> None:
        with ArticleIndex(index_settings, encoder=counting) as index:
            kept = index.sentence_vectors(index.catalog.passages())
            index.catalog._db.executescript("DROP TABLE sentence_vectors; PRAGMA user_version = 1;")
        with ArticleIndex(index_settings, encoder=counting) as index:
            made = index.sentence_vectors(index.catalog.passages())
        assert all(np.allclose(a, b, atol=1e-5) for a, b in zip(kept, made, strict=True))


class TestEncoderFingerprint:
    @pytest.mark.parametrize("is_adding", [False, True])
    def test_another_encoder_makes_the_index_anew(
        self, index_settings: IndexSettings, encoder: Encoder, caplog: pytest.LogCaptureFixture, *, is_adding: bool
    ) -> None:
        other = CountingEncoder(encoder, "other")
        with ArticleIndex(index_settings, writable=is_adding, encoder=other) as index:
            if is_adding:
                add_article(index, news())
            assert found(index, "Tokayev")
            assert {p.text for p in index.catalog.passages()} <= set(other.embedded)
            generation = index.catalog.generation()
        assert generation
        assert generation.encoder == other.fingerprint
        assert "@other" in caplog.text
        assert [folder.name for folder in (index_settings.data_dir / "chroma").iterdir()] == ["2"]

    def test_the_old_index_stays_until_the_new_one_is_complete(
        self, index_settings: IndexSettings, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = CountingEncoder(encoder, "other")
        monkeypatch.setattr(VectorStore, "upsert", interrupted)
        with ArticleIndex(index_settings, encoder=other) as index, pytest.raises(KeyboardInterrupt):
            index.search_vectors("Tokayev", 1)
        monkeypatch.undo()
        with ArticleIndex(index_settings, encoder=encoder) as index:
            assert found(index, "Tokayev")
            generation = index.catalog.generation()
        assert generation
        assert generation.number == 1

    def test_two_processes_with_different_encoders_do_not_take_turns(
        self, tmp_path: Path, encoder: Encoder, chroma_server: str
    ) -> None:
        settings = IndexSettings(data_dir=tmp_path / "data", chroma_url=chroma_server)
        other = CountingEncoder(encoder, "other")
        with ArticleIndex(settings, encoder=encoder) as index:
            add_article(index, news())
            assert found(index, "Tokayev")
            with ArticleIndex(settings, encoder=other) as second:
                assert found(second, "Tokayev")
            with pytest.raises(EncoderMismatch, match="@other"):
                index.search_vectors("Tokayev", 1)

    def test_a_rebuild_makes_all_vectors_again(self, index_settings: IndexSettings, encoder: Encoder) -> None:
        other = CountingEncoder(encoder, "other")
        with ArticleIndex(index_settings, writable=True, encoder=other) as index:
            index.build_generation()
            assert {p.text for p in index.catalog.passages()} <= set(other.embedded)
            assert len(set(other.embedded)) == len(other.embedded)
            assert len(found(index, "Tokayev")) == 20
        generations = [folder.name for folder in (index_settings.data_dir / "chroma").iterdir()]
        assert generations == ["2"]


class TestLock:
    def test_readers_share_and_a_writer_is_alone(self, index_settings: IndexSettings) -> None:
        with ArticleIndex(index_settings), ArticleIndex(index_settings) as reader:
            with pytest.raises(DataDirectoryBusy, match=str(os.getpid())):
                ArticleIndex(index_settings, writable=True)
            assert reader.search_vectors("Tokayev", 1)
        with ArticleIndex(index_settings, writable=True), pytest.raises(DataDirectoryBusy) as refused:
            ArticleIndex(index_settings)
        assert "INDEX_CHROMA_URL" in refused.value.fix

    def test_a_directory_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(DataDirectoryError, match="cannot be written") as refused:
            ArticleIndex(IndexSettings(data_dir=tmp_path / "file" / "data"))
        assert "INDEX_DATA_DIR" in refused.value.fix


def test_many_processes_open_a_new_directory_at_once(tmp_path: Path) -> None:
    code = (
        "from index.article_index import ArticleIndex; from index.settings import IndexSettings\n"
        "with ArticleIndex(IndexSettings()) as index: print(index.articles())"
    )
    root = Path(__file__).parents[2]
    processes = [
        subprocess.Popen([sys.executable, "-c", code], cwd=root, stdout=subprocess.PIPE, text=True) for _ in range(6)
    ]
    assert [process.communicate()[0] for process in processes] == ["[]\n"] * 6


class TestDamage:
    def test_catalog_that_is_no_database(self, tmp_path: Path) -> None:
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "catalog.sqlite3").write_bytes(b"not a database" * 1000)
        with pytest.raises(CatalogDamaged):
            ArticleIndex(IndexSettings(data_dir=tmp_path / "data"))

    def test_catalog_of_a_later_version(self, index_settings: IndexSettings) -> None:
        path = index_settings.data_dir / "catalog.sqlite3"
        catalog = Catalog(path)
        catalog._db.execute("PRAGMA user_version = 99")
        catalog.close()
        with pytest.raises(CatalogDamaged, match="99"):
            Catalog(path)

    @pytest.mark.parametrize("damage", ["gone", "emptied", "truncated", "garbage"])
    def test_chroma_is_rebuilt_from_the_catalog(
        self, index_settings: IndexSettings, counting: CountingEncoder, damage: str
    ) -> None:
        folder = index_settings.data_dir / "chroma" / "1"
        if damage == "gone":
            shutil.rmtree(folder)
        for path in folder.rglob("*") if folder.exists() else []:
            if path.is_file():
                size = path.stat().st_size
                path.write_bytes({"emptied": b"", "truncated": path.read_bytes()[: size // 2]}.get(damage, b"x" * size))
        with ArticleIndex(index_settings, encoder=counting) as index:
            assert len(found(index, "Tokayev")) == 20
        assert counting.embedded == []

    def test_a_generation_that_another_process_is_opening_is_opened_too(self, index_settings: IndexSettings) -> None:
        (index_settings.data_dir / f"opening-{os.getppid()}").touch()
        with ArticleIndex(index_settings), ArticleIndex(index_settings) as index:
            assert len(found(index, "Tokayev")) == 20
            generation = index.catalog.generation()
        assert generation
        assert generation.number == 1

    def test_rows_that_chroma_lost(self, index_settings: IndexSettings, counting: CountingEncoder) -> None:
        with ArticleIndex(index_settings, writable=True) as index:
            index.writable_store().delete(sorted(index.passages())[:5])
        with ArticleIndex(index_settings, encoder=counting) as index:
            assert len(found(index, "Tokayev")) == 20
        assert counting.embedded == []

    def test_a_generation_that_killed_the_process_is_not_opened_again(
        self, index_settings: IndexSettings, counting: CountingEncoder
    ) -> None:
        dead = subprocess.Popen(["true"])
        dead.wait()
        (index_settings.data_dir / f"opening-{dead.pid}").touch()
        with ArticleIndex(index_settings, encoder=counting) as index:
            assert len(found(index, "Tokayev")) == 20
            generation = index.catalog.generation()
        assert generation
        assert generation.number == 2
        assert counting.embedded == []


KILLED = """
import os, signal, sys
from pathlib import Path
from index.article_index import ArticleIndex
from index.ingestion import add_article
from index.readers import read_text
from index.settings import IndexSettings
from index import catalog, vector_store

step, calls = int(sys.argv[1]), 0

def counted(method):
    def wrapper(*args, **kwargs):
        global calls
        calls += 1
        if calls == step:
            os.kill(os.getpid(), signal.SIGKILL)
        result = method(*args, **kwargs)
        return result
    return wrapper

for cls, names in ((catalog.Catalog, ("add_vectors", "mark_generation", "replace_article")),
                   (vector_store.VectorStore, ("upsert", "delete"))):
    for name in names:
        setattr(cls, name, counted(getattr(cls, name)))
with ArticleIndex(IndexSettings(), writable=True) as index:
    add_article(index, read_text(sys.argv[2], origin="/news/fire.txt"))
"""


class TestKill:
    @pytest.mark.parametrize("step", range(1, 8))
    def test_a_kill_loses_nothing_and_shows_nothing_half_done(
        self, index_settings: IndexSettings, counting: CountingEncoder, step: int
    ) -> None:
        """The writer is killed before its nth write while an article is replaced; the next process sees old or new."""
        with ArticleIndex(index_settings, writable=True) as index:
            add_article(index, news())
        edited = "Fire in Almaty\n\nA fire broke out on Monday.\n\nThree people died in hospital.\n\nOne was saved."
        killed = subprocess.run(
            [sys.executable, "-c", KILLED, str(step), edited], check=False, cwd=Path(__file__).parents[2]
        )
        with ArticleIndex(index_settings, encoder=counting) as index:
            texts = {p.text for p in index.passages().values() if p.article_id == "fire"}
            old = {"A fire broke out on Monday.", "Two people died in hospital."}
            new = {"A fire broke out on Monday.", "Three people died in hospital.", "One was saved."}
            assert texts == (old if step <= 4 else new)
            seen = found(index, "fire people died saved")
            assert len(seen) == len(set(seen)) == 20 + len(texts)
            assert texts <= set(seen)
        assert killed.returncode == (-signal.SIGKILL if step <= 6 else 0)
        assert counting.embedded == []


class TestChromaServer:
    def test_index_on_a_server(self, tmp_path: Path, chroma_server: str, encoder: Encoder) -> None:
        settings = IndexSettings(data_dir=tmp_path / "data", chroma_url=chroma_server)
        with (
            ArticleIndex(settings, writable=True, encoder=encoder) as writer,
            ArticleIndex(settings, encoder=encoder) as reader,
        ):
            add_article(writer, news())
            assert len(found(reader, "fire")) == 2
            add_article(writer, news(NEWS + "\n\nOne was saved."))
            assert len(found(reader, "fire")) == 3
            writer.build_generation()
            assert len(found(reader, "fire")) == 3

    def test_two_processes_add_at_once(self, tmp_path: Path, chroma_server: str, encoder: Encoder) -> None:
        settings = IndexSettings(data_dir=tmp_path / "data", chroma_url=chroma_server)
        code = (
            "import sys; from index.article_index import ArticleIndex; from index.ingestion import add_article;"
            "from index.readers import read_text; from index.settings import IndexSettings\n"
            "with ArticleIndex(IndexSettings(), writable=True) as index:\n"
            "    for i in range(5): add_article(index, read_text(f'Report {sys.argv[1]} {i}.', origin=f'/{sys.argv[1]}/{i}.txt'))"
        )
        environment = os.environ | {"INDEX_CHROMA_URL": chroma_server}
        root = Path(__file__).parents[2]
        processes = [
            subprocess.Popen([sys.executable, "-c", code, str(n)], env=environment, cwd=root) for n in range(2)
        ]
        assert [process.wait() for process in processes] == [0, 0]
        with ArticleIndex(settings, encoder=encoder) as index:
            assert len({a.id for a in index.articles()}) == 10
            assert len(found(index, "Report")) == 10

    def test_an_index_moves_to_a_server_without_embedding_anything(
        self, index_settings: IndexSettings, counting: CountingEncoder, chroma_server: str
    ) -> None:
        settings = index_settings.model_copy(update={"chroma_url": chroma_server})
        with ArticleIndex(settings, encoder=counting) as index:
            assert len(found(index, "Tokayev")) == 20
        assert counting.embedded == []

    def test_a_server_that_is_not_there(self, tmp_path: Path, free_port: int, encoder: Encoder) -> None:
        settings = IndexSettings(data_dir=tmp_path / "data", chroma_url=f"http://127.0.0.1:{free_port}")
        with ArticleIndex(settings, writable=True, encoder=encoder) as index:
            with pytest.raises(Exception, match="does not answer") as refused:
                add_article(index, news())
            assert "chroma run" in refused.value.fix  # type: ignore[attr-defined]
            assert index.articles() == []

    def test_a_url_that_is_none(self, tmp_path: Path, encoder: Encoder) -> None:
        settings = IndexSettings(data_dir=tmp_path / "data", chroma_url="localhost:8000")
        with ArticleIndex(settings, writable=True, encoder=encoder) as index, pytest.raises(ConfigurationError):
            add_article(index, news())


def test_vectors_are_kept_as_they_were_made(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "catalog.sqlite3")
    vectors = np.random.default_rng(0).normal(size=(1200, 3)).astype(np.float32)
    names = [str(i) for i in range(1200)]
    of_sentences = [vectors[i : i + i % 3 + 1] for i in range(1200)]
    catalog.add_vectors(Fingerprint("e", "1", 3), names, vectors, of_sentences)
    kept = catalog.vectors(Fingerprint("e", "1", 3), names)
    assert all((kept[name] == vectors[i]).all() for i, name in enumerate(names))
    kept = catalog.sentence_vectors(Fingerprint("e", "1", 3), names)
    assert all(np.array_equal(kept[name], of_sentences[i]) for i, name in enumerate(names))
    assert catalog.vectors(Fingerprint("e", "2", 3), names) == {}
    catalog.close()
