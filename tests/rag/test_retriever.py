"""Retrieval: what stands above a paragraph counts, and what each node says of itself."""

import pytest

from index.article_index import ArticleIndex
from index.ingestion import add_article
from index.readers import read_text
from index.sentences import sentence_spans
from index.settings import IndexSettings
from rag.retriever import HybridRetriever

OPENING = "It opens at nine in the morning and closes at six in the evening."
ARTICLE = "Summer in Haddon\n\nThe town has two new places.\n\n{}\n\n{opening}\n\n{}\n\n{opening} It has a shop."


@pytest.mark.parametrize(
    ("headings", "paragraph"), [(("The swimming pool", "The museum"), 2), (("The museum", "The swimming pool"), 3)]
)
def test_the_heading_decides_between_paragraphs_that_say_the_same(
    index_settings: IndexSettings, headings: tuple[str, str], paragraph: int
) -> None:
    with ArticleIndex(index_settings, writable=True) as index:
        entry = add_article(index, read_text(ARTICLE.format(*headings, opening=OPENING), origin="/haddon.txt")).entry
        retriever = HybridRetriever(index, language="en", article_ids=[entry.id])
        first = retriever.retrieve("When does the swimming pool open?")[0].node
    assert first.metadata["paragraph"] == paragraph
    assert first.metadata["heading"] == "The swimming pool"
    assert len(first.metadata["sentence_words"]) == len(sentence_spans(first.get_content()))
    assert len(first.metadata["sentence_cosines"]) == len(first.metadata["sentence_words"])
