"""The one path by which articles enter and leave the index."""

import re
import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from index.article_index import ArticleIndex, Progress
from index.articles import Article, IndexedArticle
from index.catalog import now
from index.passages import split_passages
from index.readers import SUFFIXES

Outcome = Literal["added", "replaced", "unchanged"]


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of an article, and how many passages had to be embedded for it."""

    entry: IndexedArticle
    outcome: Outcome
    embedded: int


def add_article(index: ArticleIndex, article: Article, progress: Progress | None = None) -> Ingested:
    """Index the article; a new text from the same origin replaces the old version, a known text changes nothing.

    `progress(done, total)` counts embedded passages. An interruption leaves the index as it was, and keeps
    the vectors that were made.
    """
    with index.writing():
        known = index.catalog.find(origin=article.origin, text_hash=article.text_hash)
        if known and _is_same(known.article, article):
            return Ingested(known, "unchanged", 0)
        replaces = known if known and known.article.origin == article.origin else None
        entry = IndexedArticle(
            id=replaces.id if replaces else _new_id(article, index.catalog.article_ids()),
            version=replaces.version + 1 if replaces else 1,
            added=now(),
            article=article,
        )
        encoder = index.encoder
        passages = split_passages(article, entry.id, entry.version, encoder.count_tokens, encoder.max_tokens)
        store = index.writable_store()
        embedded = index.embed(passages, progress)
        old_ids = {p.id for p in index.catalog.passages(entry.id)}
        new = [p for p in passages if p.id not in old_ids]

        # Rows that the catalog does not know yet, or no longer knows, are not seen by any search.
        index.catalog.mark_generation(is_dirty=True)
        store.upsert(new, index.vectors(new))
        index.catalog.replace_article(entry, passages)
        store.delete(sorted(old_ids - {p.id for p in passages}))
        index.catalog.mark_generation(is_dirty=False)
        return Ingested(entry, "replaced" if replaces else "added", embedded)


def remove_article(index: ArticleIndex, article_id: str) -> IndexedArticle:
    """Take the article out in all its versions. Raises UnknownArticle."""
    with index.writing():
        entry = index.catalog.article(article_id)
        ids = [p.id for p in index.catalog.passages(article_id)]
        store = index.writable_store()
        index.catalog.mark_generation(is_dirty=True)
        index.catalog.remove_article(article_id)
        store.delete(ids)
        index.catalog.mark_generation(is_dirty=False)
        return entry


def _is_same(known: Article, article: Article) -> bool:
    """Same text, and nothing new said about it from the same origin."""
    if known.text_hash != article.text_hash:
        return False
    described = (article.title, article.source, article.published, article.paragraphs)
    return known.origin != article.origin or (known.title, known.source, known.published, known.paragraphs) == described


def _new_id(article: Article, taken: set[str]) -> str:
    """A short name from the file's name or the title, with a number where it is taken."""
    name = PurePosixPath(article.origin.partition(":")[2] or article.origin).name or article.title
    stem, dot, suffix = name.rpartition(".")
    if dot + suffix.casefold() in SUFFIXES:
        name = stem
    folded = unicodedata.normalize("NFKC", name).casefold()
    stem = re.sub(r"[^\w.]+", "-", folded).strip("-._")[:60] or "article"
    candidate, n = stem, 2
    while candidate in taken:
        candidate, n = f"{stem}-{n}", n + 1
    return candidate
