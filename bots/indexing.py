"""What the commands do with the index: put articles in, name those that are asked, print what is known of them."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from index.article_index import ArticleIndex
    from index.articles import Article, IndexedArticle
    from index.settings import IndexSettings


def named(settings: "IndexSettings", articles: list[str] | None, *, bundled: bool) -> list[str] | None:
    """The ids of the articles to ask, or None for all."""
    return [*(articles or []), *([ensure_bundled(settings)] if bundled else [])] or None


def ensure_bundled(settings: "IndexSettings") -> str:
    """The id of the bundled article, indexed if it is not."""
    from index.article_index import ArticleIndex
    from index.readers import read_bundled

    article = read_bundled()
    with ArticleIndex(settings) as article_index:
        entry = article_index.catalog.find(origin=article.origin, text_hash=article.text_hash)
    if entry and entry.article.text_hash == article.text_hash:
        return entry.id
    with ArticleIndex(settings, writable=True) as article_index:
        typer.echo(add(article_index, article), err=True)
        return next(e.id for e in article_index.articles() if e.article.text_hash == article.text_hash)


def read(path_or_url: str, settings: "IndexSettings") -> "Article":
    """The article in a file, or at a web address where INDEX_ALLOW_URLS is on."""
    if "://" in path_or_url:
        from index.fetching import fetch_article

        return fetch_article(path_or_url, settings)
    from index.readers import read_file

    return read_file(Path(path_or_url), settings.max_bytes)


def add(article_index: "ArticleIndex", article: "Article") -> str:
    """Index one article under a progress bar; returns the line that says what became of it."""
    from bots.terminal import counted, progress_bar
    from index.ingestion import add_article

    with progress_bar(f"Indexing {article.title[:40]}") as progress:
        done = add_article(article_index, article, progress)
    entry, paragraphs = done.entry, counted(len(done.entry.article.body), "paragraph")
    if done.outcome == "unchanged":
        return f"Unchanged: {entry.id} (version {entry.version})."
    verb = "Replaced" if done.outcome == "replaced" else "Indexed"
    return f"{verb}: {entry.id} (version {entry.version}, {paragraphs}, {done.embedded} embedded)."


def rebuild_vectors(article_index: "ArticleIndex") -> None:
    """Make the vector store anew from the catalog, under a progress bar."""
    from bots.terminal import progress_bar

    with progress_bar("Making vectors") as progress:
        article_index.build_generation(progress)
    typer.echo(f"Rebuilt the vector store, with the encoder {article_index.encoder.fingerprint}.")


def print_json(value: object) -> None:
    """Print a value for programs, its letters as they are."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def described(entry: "IndexedArticle") -> dict[str, object]:
    """What is known of an article, for JSON; its text is not in it."""
    article = entry.article
    return {
        "id": entry.id,
        "version": entry.version,
        "title": article.title,
        "source": article.source,
        "published": article.published.isoformat() if article.published else None,
        "language": article.language,
        "paragraphs": len(article.body),
        "origin": article.origin,
        "hash": article.text_hash,
        "added": entry.added,
    }
