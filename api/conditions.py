"""Conditional requests (RFC 9110): entity tags of articles, and the headers that name them."""

from dataclasses import replace

from api.exceptions import PreconditionFailed
from index.articles import IndexedArticle, hash_text


def etag_of(entry: IndexedArticle) -> str:
    """The strong entity tag of an article's version: its number, and a hash of the text and all that is known of it."""
    known = replace(entry.article, text=entry.article.text_hash)
    return f'"{entry.version}-{hash_text(repr((entry.id, entry.added, known)))[:32]}"'


def is_unchanged(if_none_match: str | None, etag: str) -> bool:
    """Whether the client has this version already; tags are compared weakly, as the RFC has it."""
    return if_none_match is not None and _names(if_none_match.replace("W/", ""), etag)


def check_match(if_match: str | None, etag: str) -> None:
    """Raises PreconditionFailed where the client means another version."""
    if if_match is not None and not _names(if_match, etag):
        raise PreconditionFailed(
            f"The article's version is {etag}, not {if_match[:100]}.", "Read the article again, then decide again."
        )


def _names(tags: str, etag: str) -> bool:
    return tags.strip() == "*" or etag in (tag.strip() for tag in tags.split(","))
