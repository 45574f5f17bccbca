"""Follow-up questions without a language model: when a question leans on the one before it."""

import re
from collections.abc import Iterable, Sequence

from index.languages import detect_language
from index.normalization import clean, fold
from index.stemming import query_terms
from rag.memory import Turn

_OPENINGS = {
    "en": "and but so then also", "ar": "و ثم لكن", "ru": "а и но", "fr": "et mais alors", "tr": "ve peki ya", "de": "und aber",
    "es": "y pero", "kk": "ал және", "zh": "那 那么",
}  # fmt: skip
_PRONOUNS = {
    "en": "he she it they him her them his their its this that these those there",
    "ar": "هو هي هم هن هذا هذه ذلك تلك هناك",
    "ru": "он она оно они его ее их ему ей им это этот эта там",
    "fr": "il elle ils elles lui leur ce cela celui celle y", "tr": "o onlar onun onu bu su orada",
    "de": "er sie es ihn ihm ihr das dies dort", "es": "el ella ellos ellas eso esto alli",
    "kk": "ол олар оның бұл сол", "zh": "他 她 它 他们 这 那",
}  # fmt: skip
# «Qu'a-t-il écrit ?» has its pronoun inside a word; «pourquoi Tokaïev a-t-il …» has a name before it.
_INVERTED = re.compile(
    r"(?:qu|que|quand|pourquoi|ou|comment|combien)\W(?:a|ont|est|sont|avait|va|vont)-(?:t-)?(?:il|elle|on)s?\b"
)
_OPENING_WORDS = 2
_MOST_TURNS = 50
_READ_FOR_LANGUAGE = 2000  # characters
_NAME = re.compile(r"(?<=\s)[A-ZА-ЯЁӘҒҚҢӨҰҮҺІ][\w’'-]+")


def is_follow_up(question: str, language: str) -> bool:
    """Whether the question begins with a conjunction, has a pronoun but no name, or hardly any word of its own."""
    words = fold(question).strip("?!.,").split()
    if not words or len(words) == 1 or words[0] in _set(_OPENINGS, language):
        return True
    if language == "ar" and re.match(r"و(ما|من|متي|اين|كيف|كم|لماذا|هل|اي)", words[0]):
        return True
    if language == "fr" and _INVERTED.match(fold(question)):
        return True
    own_terms = [t for t in query_terms(question, language) if not t.startswith("~")]
    if len(own_terms) < 1:
        return True
    return bool(_set(_PRONOUNS, language) & set(words)) and not _NAME.search(question)


def leans_on_what_precedes(sentence: str, language: str) -> bool:
    """Whether a sentence of an article begins with what only the one before it explains: a pronoun, «وشمل ذلك»."""
    words = fold(sentence).split()[:_OPENING_WORDS]
    return bool(_set(_PRONOUNS, language) & {word.strip(",:.") for word in words})


def understand(question: str, language: str, turns: Sequence[Turn]) -> str:
    """The question; where it leans on earlier turns, with the last question before it that stood alone."""
    if not turns or not is_follow_up(question, language):
        return question
    topic = next((turn.question for turn in reversed(turns) if turn.question == turn.understood_as), turns[-1].question)
    return join_questions(topic, question)


def turns_of(exchanges: Iterable[tuple[str, str]]) -> list[Turn]:
    """The turns of a conversation that a client keeps, from its questions and answers, oldest first; 50 at most."""
    turns: list[Turn] = []
    for asked, answer in list(exchanges)[-_MOST_TURNS:]:
        question = " ".join(clean(asked).split())
        if question:
            default = detect_language(turns[-1].question[:_READ_FOR_LANGUAGE]) if turns else "en"
            language = detect_language(question[:_READ_FOR_LANGUAGE], default=default)
            turns.append(Turn(question, understand(question, language, turns), clean(answer), ""))
    return turns


def join_questions(previous: str, question: str) -> str:
    """The question with the one before it as its context."""
    return f"{previous} {question}"


def _set(table: dict[str, str], language: str) -> frozenset[str]:
    return frozenset(fold(table.get(language, "")).split())
