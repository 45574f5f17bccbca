"""The catalog: the SQLite file that holds every article, passage and vector; all else is built from it."""

import json
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from index.articles import Article, IndexedArticle, Paragraph, hash_text
from index.embedding import Fingerprint, Vectors
from index.exceptions import CatalogDamaged, UnknownArticle
from index.lock import unwritable
from index.normalization import clean
from index.passages import Passage
from index.sqlite_file import open_database, sqlite_errors

SCHEMA_VERSION = 2
_DAMAGED_FIX = "Move it away and index the articles again, or restore it from a backup."
_SCHEMA = """
CREATE TABLE IF NOT EXISTS articles (
    id TEXT NOT NULL, version INTEGER NOT NULL, is_current INTEGER NOT NULL, added TEXT NOT NULL,
    origin TEXT NOT NULL, title TEXT NOT NULL, source TEXT, published TEXT, language TEXT NOT NULL,
    text TEXT NOT NULL, text_hash TEXT NOT NULL, paragraphs TEXT NOT NULL,
    PRIMARY KEY (id, version));
CREATE UNIQUE INDEX IF NOT EXISTS current_article ON articles (id) WHERE is_current;
CREATE TABLE IF NOT EXISTS passages (
    id TEXT PRIMARY KEY, article_id TEXT NOT NULL, version INTEGER NOT NULL, paragraph INTEGER NOT NULL,
    start INTEGER NOT NULL, "end" INTEGER NOT NULL, heading TEXT NOT NULL, text TEXT NOT NULL,
    text_hash TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS passages_of_article ON passages (article_id);
CREATE TABLE IF NOT EXISTS vectors (
    encoder TEXT NOT NULL, text_hash TEXT NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (encoder, text_hash));
CREATE TABLE IF NOT EXISTS sentence_vectors (
    encoder TEXT NOT NULL, text_hash TEXT NOT NULL, vectors BLOB NOT NULL, PRIMARY KEY (encoder, text_hash));
CREATE TABLE IF NOT EXISTS generation (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1), number INTEGER NOT NULL, encoder_name TEXT NOT NULL,
    encoder_revision TEXT NOT NULL, dimension INTEGER NOT NULL, is_dirty INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
INSERT OR IGNORE INTO counters VALUES ('changes', 0);
"""
_ARTICLE_COLUMNS = "id, version, added, origin, title, source, published, language, text, paragraphs"
_VECTOR_TABLES = ("vectors", "sentence_vectors")
_PASSAGE_COLUMNS = 'id, article_id, version, paragraph, start, "end", heading, text'


@dataclass(frozen=True, slots=True)
class Generation:
    """The Chroma collection that is current, the encoder of its vectors, and whether a write to it was cut off."""

    number: int
    encoder: Fingerprint
    is_dirty: bool = False


class Catalog:
    """One SQLite file, safe for threads; every public write is one transaction."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.open("ab").close()
        except OSError as error:
            raise unwritable(path.parent, error) from error
        with self._errors():
            self._db = open_database(path)
            self._db.create_function("hash_text", 1, hash_text, deterministic=True)
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def change_count(self) -> int:
        """A number that differs after any process has changed an article."""
        return int(self._one("SELECT value FROM counters WHERE name = 'changes'")[0])

    def articles(self) -> list[IndexedArticle]:
        """Current versions, in the order in which their ids were first added."""
        rows = self._all(
            f"SELECT {_ARTICLE_COLUMNS} FROM articles a WHERE is_current ORDER BY"
            " (SELECT min(rowid) FROM articles b WHERE b.id = a.id)"
        )
        return [_article(row) for row in rows]

    def page(self, after: int, limit: int) -> list[tuple[int, IndexedArticle]]:
        """The next `limit` articles in the order of `articles()`, each with the place to go on `after`; 0 begins."""
        rows = self._all(
            f"SELECT first, {_ARTICLE_COLUMNS} FROM articles JOIN"
            " (SELECT id AS of, min(rowid) AS first FROM articles GROUP BY id HAVING first > ?"
            " ORDER BY first LIMIT ?) ON id = of WHERE is_current ORDER BY first",
            after, limit,
        )  # fmt: skip
        return [(row[0], _article(row[1:])) for row in rows]

    def article(self, article_id: str, version: int | None = None) -> IndexedArticle:
        """A version of the article, without a number the current one. Raises UnknownArticle."""
        row = self._row(
            f"SELECT {_ARTICLE_COLUMNS} FROM articles WHERE id = ?1 AND (version = ?2 OR ?2 IS NULL AND is_current)",
            clean(article_id), version,
        )  # fmt: skip
        if row is None and version is not None:
            current = self.article(article_id).version
            raise UnknownArticle(
                f"The article {article_id!r} has no version {version}.", f"It has the versions 1 to {current}."
            )
        if row is None:
            raise UnknownArticle(
                f"There is no article {article_id!r}.", "See the ids with `maqal articles` or GET /v1/articles."
            )
        return _article(row)

    def versions(self, article_id: str) -> list[IndexedArticle]:
        """All versions of the article, newest first. Raises UnknownArticle."""
        current = self.article(article_id)
        rows = self._all(f"SELECT {_ARTICLE_COLUMNS} FROM articles WHERE id = ? ORDER BY version DESC", current.id)
        return [_article(row) for row in rows]

    def find(self, *, origin: str = "", text_hash: str = "") -> IndexedArticle | None:
        """The current article from the origin, or one with the text."""
        row = self._row(
            f"SELECT {_ARTICLE_COLUMNS} FROM articles WHERE is_current AND (origin = ? OR text_hash = ?)"
            " ORDER BY origin = ? DESC",
            origin, text_hash, origin,
        )  # fmt: skip
        return _article(row) if row else None

    def article_ids(self) -> set[str]:
        """Ids of all articles."""
        return {row[0] for row in self._all("SELECT id FROM articles WHERE is_current")}

    def languages(self) -> dict[str, str]:
        """The language of each article by its id."""
        return {row[0]: row[1] for row in self._all("SELECT id, language FROM articles WHERE is_current")}

    def passages(self, article_id: str | None = None) -> list[Passage]:
        """Passages of the current versions of all articles or of one, in reading order."""
        where = "" if article_id is None else "WHERE article_id = ?"
        rows = self._all(
            f"SELECT {_PASSAGE_COLUMNS} FROM passages {where} ORDER BY article_id, start",
            *([] if article_id is None else [article_id]),
        )
        return [Passage(*row) for row in rows]

    def replace_article(self, entry: IndexedArticle, passages: Sequence[Passage]) -> None:
        """Make the entry the current version of its article, and the passages its passages."""
        article = entry.article
        paragraphs = json.dumps([astuple(p) for p in article.paragraphs])
        published = article.published.isoformat() if article.published else None
        with self._transaction():
            self._db.execute("UPDATE articles SET is_current = 0 WHERE id = ?", (entry.id,))
            self._db.execute(
                f"INSERT INTO articles ({_ARTICLE_COLUMNS}, is_current, text_hash)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?)",
                (entry.id, entry.version, entry.added, article.origin, article.title, article.source, published,
                 article.language, article.text, paragraphs, article.text_hash),
            )  # fmt: skip
            self._db.execute("DELETE FROM passages WHERE article_id = ?", (entry.id,))
            self._insert_passages(passages)
            self._count_change()

    def remove_article(self, article_id: str) -> None:
        """Delete the article in all its versions, and vectors that no passage or heading needs any more."""
        with self._transaction():
            self._db.execute("DELETE FROM articles WHERE id = ?", (article_id,))
            self._db.execute("DELETE FROM passages WHERE article_id = ?", (article_id,))
            for table in _VECTOR_TABLES:
                self._db.execute(
                    f"DELETE FROM {table} WHERE text_hash NOT IN"
                    " (SELECT text_hash FROM passages UNION SELECT hash_text(heading) FROM passages)"
                )
            self._count_change()

    def vectors(self, encoder: Fingerprint, text_hashes: Iterable[str]) -> dict[str, Vectors]:
        """Stored vectors by text hash, each of shape (dimension,); texts without one are left out."""
        return dict(self._vectors("vector", "vectors", encoder, text_hashes))

    def sentence_vectors(self, encoder: Fingerprint, text_hashes: Iterable[str]) -> dict[str, Vectors]:
        """Stored vectors of a text's sentences by the text's hash, each of shape (sentences, dimension)."""
        rows = self._vectors("vectors", "sentence_vectors", encoder, text_hashes)
        return {text_hash: vectors.reshape(-1, encoder.dimension) for text_hash, vectors in rows}

    def add_vectors(
        self, encoder: Fingerprint, text_hashes: Sequence[str], vectors: Vectors, of_sentences: Sequence[Vectors]
    ) -> None:
        """Keep vectors, shape (texts, dimension), and those of each text's sentences, under the hashes of the texts."""
        with self._transaction():
            for table, values in zip(_VECTOR_TABLES, (vectors, of_sentences), strict=True):
                blobs = [np.asarray(value, np.float32).tobytes() for value in values]
                rows = [(str(encoder), h, blob) for h, blob in zip(text_hashes, blobs, strict=True)]
                self._db.executemany(f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?)", rows)

    def generation(self) -> Generation | None:
        """The current generation, or None before the first article."""
        row = self._row("SELECT number, encoder_name, encoder_revision, dimension, is_dirty FROM generation")
        return Generation(row[0], Fingerprint(*row[1:4]), bool(row[4])) if row else None

    def switch_generation(self, generation: Generation, passages: Sequence[Passage]) -> None:
        """Make a generation current, with the passages that it holds; vectors of other encoders are deleted."""
        encoder = generation.encoder
        with self._transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO generation VALUES (1, ?, ?, ?, ?, ?)",
                (generation.number, encoder.name, encoder.revision, encoder.dimension, generation.is_dirty),
            )
            for table in _VECTOR_TABLES:
                self._db.execute(f"DELETE FROM {table} WHERE encoder != ?", (str(encoder),))
            self._db.execute("DELETE FROM passages")
            self._insert_passages(passages)
            self._count_change()

    def mark_generation(self, *, is_dirty: bool) -> None:
        """Note that a write to the current Chroma collection begins, or that it is complete."""
        with self._transaction():
            self._db.execute("UPDATE generation SET is_dirty = ?", (is_dirty,))

    def _vectors(
        self, column: str, table: str, encoder: Fingerprint, text_hashes: Iterable[str]
    ) -> Iterator[tuple[str, Vectors]]:
        wanted = list(dict.fromkeys(text_hashes))
        for i in range(0, len(wanted), 500):
            batch = wanted[i : i + 500]
            rows = self._all(
                f"SELECT text_hash, {column} FROM {table} WHERE encoder = ? AND text_hash IN"
                f" ({', '.join('?' * len(batch))})",
                str(encoder), *batch,
            )  # fmt: skip
            yield from ((text_hash, np.frombuffer(blob, np.float32)) for text_hash, blob in rows)

    def _insert_passages(self, passages: Sequence[Passage]) -> None:
        self._db.executemany(
            f"INSERT INTO passages ({_PASSAGE_COLUMNS}, text_hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(*astuple(p), p.text_hash) for p in passages],
        )

    def _prepare(self) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version not in range(SCHEMA_VERSION + 1):
            raise CatalogDamaged(
                f"The catalog {self._path} is of schema version {version}; this program's is {SCHEMA_VERSION}.",
                "Use the version of maqal that made it, or move it away and index the articles again.",
            )
        self._db.execute("PRAGMA synchronous = FULL")
        if version < SCHEMA_VERSION:
            self._db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")

    def _errors(self) -> AbstractContextManager[None]:
        return sqlite_errors(self._path, contents="The catalog", fix=_DAMAGED_FIX)

    def _count_change(self) -> None:
        self._db.execute("UPDATE counters SET value = value + 1 WHERE name = 'changes'")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock, self._errors():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _all(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock, self._errors():
            return self._db.execute(sql, values).fetchall()

    def _row(self, sql: str, *values: object) -> tuple[Any, ...] | None:
        rows = self._all(sql, *values)
        return rows[0] if rows else None

    def _one(self, sql: str, *values: object) -> tuple[Any, ...]:
        row = self._row(sql, *values)
        if row is None:
            raise CatalogDamaged(f"The catalog {self._path} lacks a row that is always there.", _DAMAGED_FIX)
        return row


def now() -> str:
    """The time, ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _article(row: tuple[Any, ...]) -> IndexedArticle:
    article_id, version, added, origin, title, source, published, language, text, paragraphs = row
    return IndexedArticle(
        id=article_id,
        version=version,
        added=added,
        article=Article(
            origin=origin,
            title=title,
            text=text,
            language=language,
            paragraphs=tuple(Paragraph(*p) for p in json.loads(paragraphs)),
            source=source,
            published=date.fromisoformat(published) if published else None,
        ),
    )
