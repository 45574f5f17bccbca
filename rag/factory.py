"""The only place where the parts of maqal are put together."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from index.article_index import ArticleIndex
from index.settings import IndexSettings
from rag.answer_store import FILE_NAME, AnswerStore
from rag.chat_engine import ChatEngine
from rag.llm import make_llm
from rag.memory import Conversations
from rag.settings import RagSettings
from rag.translation import make_translator


@contextmanager
def open_engine(
    index_settings: IndexSettings, rag_settings: RagSettings, *, writable: bool = False
) -> Iterator[ChatEngine]:
    """A chat engine over the configured data directory, closed at the end; `writable` to index articles with it too."""
    llm = make_llm(rag_settings)
    with ArticleIndex(index_settings, writable=writable) as index:
        folder, days = index_settings.data_dir, rag_settings.conversation_days
        with (
            closing(
                Conversations(folder / "conversations.sqlite3", max_turns=rag_settings.max_turns, days=days)
            ) as conversations,
            closing(AnswerStore(folder / FILE_NAME, days=days)) as answers,
        ):
            yield ChatEngine(
                index, conversations, answers, rag_settings, llm=llm, translator=make_translator(rag_settings)
            )
