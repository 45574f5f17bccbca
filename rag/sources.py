"""What was found for a question, as the sources of its answer."""

from collections.abc import Iterable, Sequence

from llama_index.core.schema import NodeWithScore

from rag.answers import Quote, Source


def to_source(node: NodeWithScore) -> Source:
    """The source that a retrieved node stands for."""
    metadata = node.node.metadata
    return Source(
        article_id=metadata["article_id"],
        version=metadata["version"],
        paragraph=metadata["paragraph"],
        heading=metadata["heading"],
        text=node.node.get_content(),
        score=round(node.score or 0.0, 4),
    )


def merged(found: Iterable[Sequence[NodeWithScore]]) -> list[NodeWithScore]:
    """What was found for the parts of a question, each paragraph once, best first."""
    best: dict[str, NodeWithScore] = {}
    for node in sorted((node for nodes in found for node in nodes), key=lambda node: -(node.score or 0.0)):
        best.setdefault(node.node.node_id, node)
    return list(best.values())


def rested_on(quotes: Sequence[Quote], nodes: Sequence[NodeWithScore]) -> list[Source]:
    """The paragraphs that the quotes are from, in the order of the quotes."""
    sources = [to_source(node) for node in nodes]
    places = dict.fromkeys((q.article_id, q.paragraph) for q in quotes)
    return [s for place in places for s in sources if (s.article_id, s.paragraph) == place]
