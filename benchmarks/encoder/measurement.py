"""Tasks and encoders to sections of a table."""

from collections.abc import Callable, Mapping, Sequence

from benchmarks.encoder import speed
from benchmarks.encoder.data import QuestionSet, RankingTask, Texts
from benchmarks.encoder.metrics import ndcg, recall
from benchmarks.encoder.rankers import DenseRanker, LexicalRanker, index_texts, rank_by_each
from benchmarks.encoder.table import Section
from rag.fusion import DEPTH

_ONE_BY_ONE = 100


def measure_rankings(
    name: str, tasks: Sequence[RankingTask], encoders: Sequence[DenseRanker], tell: Callable[[str], object]
) -> list[Section]:
    """Accuracy of translation tasks; R@1, R@3 and nDCG@10 of retrieval tasks; all in per cent."""
    metrics = (
        {"accuracy": (recall, 1)}
        if tasks[0].is_translation
        else {"R@1": (recall, 1), "R@3": (recall, 3), "nDCG@10": (ndcg, 10)}
    )
    sections = {metric: Section(f"{name} {metric}, %") for metric in metrics}
    lexical = LexicalRanker()
    for task in tasks:
        tell(f"{name} {task.name}")
        for column, rankings in rank_by_each(task, encoders, lexical).items():
            for metric, (function, k) in metrics.items():
                sections[metric].add(task.name, column, 100 * function(rankings, task.relevant, k))
    return list(sections.values())


def measure_speed(sets: Sequence[QuestionSet], encoders: Sequence[DenseRanker]) -> Section:
    """Questions and paragraphs, all in one call, and questions one by one; BM25 answers questions, indexes paragraphs.

    An encoder gets the texts of all sets, BM25 those of the first, as its index is of one language.
    """
    section = Section("Texts per second", decimals=0)
    questions = [text for each in sets for text in each.questions.texts]
    paragraphs = [text for each in sets for text in each.paragraphs.texts]
    for ranker in encoders:
        encode = ranker.encoder.encode_queries
        section.add("questions", ranker.name, speed.texts_per_second(encode, questions))
        section.add(
            "questions one by one", ranker.name, speed.texts_per_second(_one_by_one(encode), questions[:_ONE_BY_ONE])
        )
        section.add("paragraphs", ranker.name, speed.texts_per_second(ranker.encoder.encode_passages, paragraphs))

    language, index = sets[0].questions.language, index_texts(sets[0].paragraphs)
    answer_each = _one_by_one(lambda texts: index.query(texts[0], language, DEPTH))
    per_second = speed.texts_per_second(answer_each, sets[0].questions.texts)
    section.add("questions one by one", LexicalRanker.name, per_second)
    indexed_per_second = speed.texts_per_second(
        lambda texts: index_texts(Texts(language, tuple(texts))), sets[0].paragraphs.texts
    )
    section.add("paragraphs", LexicalRanker.name, indexed_per_second)
    return section


def measure_startup(encoders: Mapping[str, str]) -> Section:
    """Seconds from the start of a process to its first vector, for paths or names by column."""
    section = Section("Start-up, seconds", decimals=2)
    row = "to the first vector, median of 3"
    section.add(row, LexicalRanker.name, speed.lexical_startup())
    for column, name_or_path in encoders.items():
        section.add(row, column, speed.encoder_startup(name_or_path))
    return section


def _one_by_one(work: Callable[[Sequence[str]], object]) -> Callable[[Sequence[str]], None]:
    def work_on_each(texts: Sequence[str]) -> None:
        for text in texts:
            work([text])

    return work_on_each
