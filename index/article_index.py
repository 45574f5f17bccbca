"""The index as one thing: catalog, encoder, vectors and words over one data directory."""

import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Self

import numpy as np

from index.articles import IndexedArticle, hash_text
from index.catalog import Catalog, Generation
from index.embedding import Encoder, Vectors, load_encoder
from index.exceptions import EncoderMismatch, VectorsMissing, VectorStoreError
from index.lexical import LexicalIndex
from index.lock import DirectoryLock, unwritable
from index.passages import Passage, split_passages
from index.sentences import sentence_spans
from index.settings import IndexSettings
from index.vector_store import VectorStore, remove_generations

_LOG = logging.getLogger(__name__)
Progress = Callable[[int, int], None]
_EMBED_BATCH = 64
_PROBES = 3
_KEPT_QUESTIONS = 100
_WRITE_WAIT = 60.0  # seconds; with a Chroma server, writers of several processes take turns


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """What is derived from the catalog after so many changes of it."""

    changes: int
    passages: dict[str, Passage]
    languages: dict[str, str]
    lexical: LexicalIndex


class ArticleIndex:
    """Opened for reading beside other readers, or for writing alone. Parts load when they are first needed.

    Raises DataDirectoryError, DataDirectoryBusy or CatalogDamaged.
    """

    def __init__(self, settings: IndexSettings, *, writable: bool = False, encoder: Encoder | None = None) -> None:
        self.settings = settings
        self.writable = writable
        self._write_lock = threading.RLock()
        self._write_depth = 0
        self._server_lock: DirectoryLock | None = None
        self._encoder = encoder
        self._store: VectorStore | None = None
        self._store_number = 0
        self._snapshot: _Snapshot | None = None
        self._question_vectors: dict[str, Vectors] = {}
        try:
            settings.data_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(settings.data_dir, error) from error
        # With a Chroma server the catalog is the only shared file, and SQLite guards it.
        self._lock = None if settings.chroma_url else DirectoryLock(settings.data_dir, exclusive=writable)
        try:
            self.catalog = Catalog(settings.data_dir / "catalog.sqlite3")
        except BaseException:
            self._release()
            raise

    def close(self) -> None:
        """Close the stores and let other processes in."""
        if self._store:
            self._store.close()
            self._store = None
        self.catalog.close()
        self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @cached_property
    def encoder(self) -> Encoder:
        """The configured encoder. Raises EncoderUnavailable."""
        return self._encoder or load_encoder(self.settings.encoder, self.settings.encoder_device)

    def articles(self) -> list[IndexedArticle]:
        """The indexed articles."""
        return self.catalog.articles()

    def passages(self) -> dict[str, Passage]:
        """The passages of all articles by id."""
        return self._current().passages

    def languages(self) -> dict[str, str]:
        """The language of each article (ISO 639-1) by its id."""
        return self._current().languages

    def search_vectors(
        self, question: str, limit: int, article_ids: Sequence[str] | None = None
    ) -> list[tuple[Passage, float]]:
        """Passages nearest in meaning, with their cosine, best first. Raises EncoderError, VectorStoreError."""
        if not self._current().passages:
            return []
        vector = self.question_vector(question)
        try:
            found = self._vector_store().query(vector, limit, article_ids)
        except VectorStoreError:
            found = self._reopened().query(vector, limit, article_ids)
        passages = self._current().passages  # Another encoder may have split the articles otherwise.
        # A row that the catalog does not know is of an article that is being replaced.
        return [(passages[id_], score) for id_, score in found if id_ in passages]

    def search_words(
        self, question: str, language: str, limit: int, article_ids: Sequence[str] | None = None
    ) -> list[tuple[Passage, float]]:
        """Passages that share words or names with the question, with their BM25 score, best first."""
        current = self._current()
        found = current.lexical.query(question, language, limit, article_ids)
        return [(current.passages[id_], score) for id_, score in found]

    def embed(self, passages: Sequence[Passage], progress: Progress | None = None) -> int:
        """Make and keep the vectors of passages and headings that the catalog lacks; returns how many passages.

        `progress(done, total)` counts both.
        """
        fingerprint = self.encoder.fingerprint
        headings = {hash_text(p.heading): p.heading for p in passages if p.heading}
        texts = headings | {p.text_hash: p.text for p in passages}
        known = self.catalog.vectors(fingerprint, texts)
        missing = [(key, text) for key, text in texts.items() if key not in known]
        for done in range(0, len(missing), _EMBED_BATCH):
            if progress:
                progress(done, len(missing))
            hashes, batch = zip(*missing[done : done + _EMBED_BATCH], strict=True)
            sentences = [_sentences(text) for text in batch]
            distinct = list(dict.fromkeys([*batch, *chain.from_iterable(sentences)]))
            vector_of = dict(zip(distinct, self.encoder.encode_passages(distinct), strict=True))
            of_sentences = [np.stack([vector_of[sentence] for sentence in each]) for each in sentences]
            self.catalog.add_vectors(fingerprint, hashes, np.stack([vector_of[text] for text in batch]), of_sentences)
        if progress and missing:
            progress(len(missing), len(missing))
        return len({p.text_hash for p in passages} - known.keys())

    def vectors(self, passages: Sequence[Passage]) -> Vectors:
        """Vectors of passages that were embedded, shape (passages, dimension)."""
        fingerprint = self.encoder.fingerprint
        found = self.catalog.vectors(fingerprint, (p.text_hash for p in passages))
        rows = [found[p.text_hash] for p in passages]
        return np.stack(rows) if rows else np.zeros((0, fingerprint.dimension), np.float32)

    def sentence_vectors(self, passages: Sequence[Passage]) -> list[Vectors]:
        """For each passage the vectors of its sentences (`index.sentences`), shape (sentences, dimension).

        Those of a catalog that was made before they were kept are made here, and not kept.
        """
        found = self.catalog.sentence_vectors(self.encoder.fingerprint, (p.text_hash for p in passages))
        return [
            found[p.text_hash] if p.text_hash in found else self.encoder.encode_passages(_sentences(p.text))
            for p in passages
        ]

    def heading_vectors(self, headings: Sequence[str]) -> Vectors:
        """Vectors of headings, shape (headings, dimension).

        Those of a catalog that was made before they were kept are made here, and not kept.
        """
        fingerprint = self.encoder.fingerprint
        hashes = [hash_text(heading) for heading in headings]
        found = self.catalog.vectors(fingerprint, hashes)
        missing = [heading for heading, key in zip(headings, hashes, strict=True) if key not in found]
        if missing:
            found |= zip(map(hash_text, missing), self.encoder.encode_passages(missing), strict=True)
        return (
            np.stack([found[key] for key in hashes]) if headings else np.zeros((0, fingerprint.dimension), np.float32)
        )

    def question_vector(self, question: str) -> Vectors:
        """The question's vector, shape (dimension,); the last ones are kept, since each step of an answer asks."""
        vector = self._question_vectors.get(question)
        if vector is None:
            if len(self._question_vectors) >= _KEPT_QUESTIONS:
                self._question_vectors.clear()
            self._question_vectors[question] = vector = self.encoder.encode_queries([question])[0]
        return vector

    def writable_store(self) -> VectorStore:
        """The current generation for writing; the first one is made here. Raises EncoderMismatch."""
        if self.catalog.generation() is None:
            self.build_generation()
        return self._vector_store()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Alone among threads and processes; may be nested. Raises DataDirectoryBusy."""
        with self._write_lock:
            if self._write_depth == 0:
                self._lock_for_writing()
            self._write_depth += 1
            try:
                yield
            finally:
                self._write_depth -= 1
                if self._write_depth == 0:
                    self._unlock_after_writing()

    def build_generation(self, progress: Progress | None = None) -> None:
        """Build a new generation from the catalog, check it, make it current, delete the others.

        Vectors of the configured encoder that the catalog has are used; others are made, and counted by `progress`.
        """
        settings = self.settings
        with self.writing():
            current = self.catalog.generation()
            number = current.number + 1 if current else 1
            is_same_encoder = current is not None and current.encoder == self.encoder.fingerprint
            passages = self.catalog.passages() if is_same_encoder else self._split_again()
            self.embed(passages, progress)
            store = VectorStore.open(settings.data_dir, settings.chroma_url, number, create=True)
            store.upsert(passages, self.vectors(passages))
            if not self._holds(store, passages):
                store.close()
                raise VectorStoreError(
                    "A new Chroma collection does not find what was written to it.",
                    "Check the disk, then run `maqal index --rebuild`.",
                )
            self.catalog.switch_generation(Generation(number, self.encoder.fingerprint), passages)
            self._use(store, number)
            remove_generations(settings.data_dir, settings.chroma_url, keep=number)
            for marker in self._markers_of_dead():
                marker.unlink(missing_ok=True)

    def _split_again(self) -> list[Passage]:
        """The passages of all articles, as they fit the configured encoder."""
        limits = self.encoder.count_tokens, self.encoder.max_tokens
        return [p for a in self.catalog.articles() for p in split_passages(a.article, a.id, a.version, *limits)]

    def _vector_store(self) -> VectorStore:
        """The current generation, opened once.

        Rebuilt from the catalog where it does not hold what it should, or was made by another encoder than is
        configured now; the old one stays until the new one is complete.
        """
        generation, store = self.catalog.generation(), self._store
        if store and generation and generation.number == self._store_number:
            return store
        with self._write_lock:
            if not self._opens(self.catalog.generation()):
                with self.writing():
                    # Another process may have written, or mended it, while this one waited.
                    if not self._opens(self.catalog.generation()):
                        self.build_generation()
            if self._store is None:
                raise VectorStoreError("No generation of vectors is open.", "Run `maqal index --rebuild`.")
            return self._store

    def _opens(self, generation: Generation | None) -> bool:
        """Open the generation if it agrees with the catalog. Raises EncoderMismatch."""
        if generation and self._store and generation.number == self._store_number:
            return True
        if generation is None or not self._is_of_this_encoder(generation) or generation.is_dirty:
            return False
        settings = self.settings
        if settings.chroma_url:
            try:
                store = VectorStore.open(settings.data_dir, settings.chroma_url, generation.number)
            except VectorsMissing:
                return False
            if not self._holds(store, self.catalog.passages()):
                store.close()
                return False
        else:
            opened = self._open_embedded(generation.number)
            if opened is None:
                return False
            store = opened
        self._use(store, generation.number)
        return True

    def _is_of_this_encoder(self, generation: Generation) -> bool:
        """Raises EncoderMismatch where another process made it while this one ran: they would take turns at that."""
        own = self.encoder.fingerprint
        if generation.encoder == own:
            return True
        if self._store_number:
            raise EncoderMismatch(
                f"Another process made the index anew with the encoder {generation.encoder}; this one runs with {own}.",
                "Start this one again, both with the same INDEX_ENCODER.",
            )
        _LOG.warning("The index was made by the encoder %s; it is made anew with %s.", generation.encoder, own)
        return False

    def _open_embedded(self, number: int) -> VectorStore | None:
        """The generation in the data directory, or None where it is damaged.

        A marker stands while it is being opened: where damage kills the process, the next one finds the marker
        of a dead process and builds a new generation instead of dying too.
        """
        directory = self.settings.data_dir
        if self._markers_of_dead():
            return None
        own_marker = directory / f"opening-{os.getpid()}"
        own_marker.touch()
        store = None
        try:
            store = VectorStore.open(directory, "", number)
            if self._holds(store, self.catalog.passages()):
                return store
            store.close()
        except VectorStoreError:
            if store:
                store.close()
        finally:
            own_marker.unlink(missing_ok=True)
        return None

    def _markers_of_dead(self) -> list[Path]:
        return [marker for marker in self.settings.data_dir.glob("opening-*") if not _is_alive(marker)]

    def _holds(self, store: VectorStore, passages: Sequence[Passage]) -> bool:
        """Whether the store has as many rows as there are passages, and finds some of them by their vectors."""
        probes = [passages[i] for i in np.linspace(0, len(passages) - 1, min(_PROBES, len(passages)), dtype=int)]
        return store.count() == len(passages) and store.finds(self.vectors(probes))

    def _use(self, store: VectorStore, number: int) -> None:
        if self._store:
            self._store.close()
        self._store, self._store_number = store, number

    def _reopened(self) -> VectorStore:
        with self._write_lock:
            if self._store:
                self._store.close()
            self._store = None
        return self._vector_store()

    def _lock_for_writing(self) -> None:
        if self._lock:
            self._lock.make_exclusive()
        else:
            self._server_lock = DirectoryLock(self.settings.data_dir, exclusive=True, wait=_WRITE_WAIT)

    def _unlock_after_writing(self) -> None:
        if self._server_lock:
            self._server_lock.close()
            self._server_lock = None
        elif self._lock and not self.writable:
            self._lock.make_shared()

    def _current(self) -> _Snapshot:
        """What is derived from the catalog, as it is now."""
        changes = self.catalog.change_count()
        snapshot = self._snapshot
        if snapshot is None or snapshot.changes != changes:
            passages, languages = self.catalog.passages(), self.catalog.languages()
            lexical = LexicalIndex(passages, languages)
            self._snapshot = snapshot = _Snapshot(changes, {p.id: p for p in passages}, languages, lexical)
        return snapshot

    def _release(self) -> None:
        if self._lock:
            self._lock.close()


def _sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


def _is_alive(marker: Path) -> bool:
    """Whether the process that a marker is named after runs."""
    try:
        os.kill(int(marker.name.rpartition("-")[2]), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True
