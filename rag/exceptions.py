"""What can go wrong between a question and its answer.

MaqalError (index.exceptions)
└── RagError
    ├── BadQuestion        empty, too long, or without a letter or digit
    ├── NothingIndexed     there is no article to answer from
    ├── BadConversationId  an id that cannot name a conversation
    ├── UnknownAnswer      there is no answer with the id, or not any more
    ├── LlmError           the language model is misconfigured or does not answer
    ├── TranslatorUnavailable  the model of RAG_TRANSLATOR does not load, or is for other languages
    └── BadQuestionFile    a file of questions with answers is broken (in rag.question_files)
"""

from index.exceptions import MaqalError


class RagError(MaqalError):
    """Base of errors between question and answer."""

    code = "rag_error"


class BadQuestion(RagError):
    """The question cannot be answered as it stands."""

    code = "bad_question"


class NothingIndexed(RagError):
    """There is no article to answer from."""

    code = "nothing_indexed"


class BadConversationId(RagError):
    """The id cannot name a conversation."""

    code = "bad_conversation_id"


class UnknownAnswer(RagError):
    """There is no answer with the id, or not any more."""

    code = "unknown_answer"


class LlmError(RagError):
    """The language model is misconfigured, or does not answer."""

    code = "llm_error"


class TranslatorUnavailable(RagError):
    """The model of RAG_TRANSLATOR does not load, or translates between other languages."""

    code = "translator_unavailable"
