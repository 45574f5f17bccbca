"""Names in a European sentence: where the one that speaks begins and ends, with an office before or after it."""

import re
from dataclasses import dataclass

from rag.speakers.report import LONGEST_SPEAKER, MASK, words

_TOKEN = re.compile(
    r"(?:Mr|Mrs|Ms|Dr|Prof|St|Mme|MM?|Sr|Sra|Gen|Col|Lt|[^\W\d_a-zа-яё])\.(?=\s)"
    rf"|s['’](?:est|était)\b|[\w&]+(?:[-‑.][\w&]+)*['’]?|{MASK}+|[^\w\s]"
)
_PARTICLES = {
    "en": {"of", "the", "and", "for", "de", "van", "von", "bin", "al"},
    "fr": {"de", "du", "des", "la", "le", "les", "d’", "d'", "l’", "l'", "et", "van", "von"},
    "ru": {"и", "де", "фон", "ван", "аль", "бен"},
    "de": {"von", "van", "zu", "der", "des", "und", "für"},
    "es": {"de", "del", "la", "las", "los", "el", "y"},
}
_LONGEST_OFFICE = 14  # words
_MOST_OFFICES = 2
_MOST_BEFORE_NAME = 5
_WHO = {"who", "qui", "quien", "который", "которая", "der", "die"}
_NO_OFFICE = (
    "openings", "prepositions", "conjunctions", "auxiliaries", "pronouns", "no_names", "negations", "inverters"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Token:
    """A word or a mark of a sentence, with its offsets."""

    text: str
    start: int
    end: int

    @property
    def lower(self) -> str:
        """Its letters in lower case."""
        return self.text.lower()

    @property
    def is_word(self) -> bool:
        """Whether it is a word or a number."""
        return self.text[0].isalnum()

    @property
    def is_capital(self) -> bool:
        """Whether it begins with a capital."""
        return self.text[0].isupper()


class NamePhrases:
    """The words of one masked sentence, and the phrases in it that name somebody, as spans of words."""

    def __init__(self, hidden: str, language: str) -> None:
        self.language = language
        self.hidden = hidden
        self.tokens = [Token(m.group(), *m.span()) for m in _TOKEN.finditer(hidden)]

    def _words(self, kind: str) -> frozenset[str]:
        return words(self.language, kind)

    def is_one(self, position: int, *kinds: str) -> bool:
        """Whether the word there is one of the kinds, be it with an apostrophe («qu’»)."""
        if not 0 <= position < len(self.tokens):
            return False
        token = self.tokens[position].lower
        return any(form in self._words(kind) for kind in kinds for form in (token, token.rstrip("'’")))

    def _is_function_word(self, position: int, *kinds: str) -> bool:
        """The same of words that may be articles, too («des», «die»): those are none of the kinds."""
        return self.is_one(position, *kinds) and not self.is_one(position, "determiners")

    def before_comma(self, comma: int, *, is_strict: bool) -> tuple[int, int] | None:
        """The name that an office or a clause between two commas follows, with that; a second one may follow."""
        opening = comma
        for _ in range(_MOST_OFFICES):
            opening = next((i for i in range(opening - 1, -1, -1) if not self.tokens[i].is_word), -1)
            if opening <= 0 or self.tokens[opening].text != "," or comma - opening > _LONGEST_OFFICE:
                return None
            start = self._after_conjunctions(self.clause_start(opening))
            if self._opens(start):
                return None
            if self._is_name(opening + 1, comma) and self._has_role(start, opening):
                return start, comma
            phrase = self.phrase(start, opening)
            if phrase:
                names = [i for i in range(*phrase) if self.tokens[i].is_capital and not self.is_one(i, "determiners")]
                is_office = not self._opens(opening + 1) and not self._is_no_name(opening + 1)
                return (phrase[0], comma if is_office else opening) if len(names) > 1 or not is_strict else None
        return None

    def _opens(self, position: int) -> bool:
        return self.is_one(position, "openings") and not self.is_one(position, "determiners")

    def _is_no_name(self, position: int) -> bool:
        return self.is_one(position, "pronouns", "no_names")

    def after(self, position: int, *, is_speech: bool) -> tuple[int, int] | None:
        """The name from the position on, with at most five words before it, and the office after it.

        After direct speech a name ends the sentence; elsewhere what follows it may be the sentence's own.
        """
        while self.is_one(position, "auxiliaries"):
            position += 1
        start = position
        while position < len(self.tokens) and self.tokens[position].is_word and not self.tokens[position].is_capital:
            position += 1
        before = range(start, position)
        if position >= len(self.tokens) or len(before) > _MOST_BEFORE_NAME or self._is_no_name(position):
            return None
        if not (self.tokens[position].is_capital or self._is_quoted_name(position)):
            return None
        if any(self._is_function_word(i, "relatives", "negations", "pronouns", "no_names", "verbs") for i in before):
            return None
        of = next((i for i in before if self._is_function_word(i, "prepositions")), None)
        if of is not None and not self._has_role(start, of):
            return None
        return start, self._office_end(self._name_end(position), is_speech=is_speech)

    def _name_end(self, position: int) -> int:
        """The end of the capitals from the position on, with particles between them."""
        if self._is_quoted_name(position):
            marks = (i for i in range(position + 1, len(self.tokens)) if not self.tokens[i].is_word)
            return next(marks, len(self.tokens) - 1) + 1
        end = position + 1
        while end < len(self.tokens):
            ahead = end
            while ahead < len(self.tokens) and self.tokens[ahead].lower in _PARTICLES[self.language]:
                ahead += 1
            if ahead >= len(self.tokens) or not self.tokens[ahead].is_capital or ahead - end > 2:
                break
            end = ahead + 1
        return end

    def _office_end(self, end: int, *, is_speech: bool) -> int:
        """Where the office after a name ends: «, head of …» up to the next mark, «, Anna Berg»."""
        first = end + 1
        if first >= len(self.tokens) or self.tokens[end].text != ",":
            return end
        marks = (i for i in range(first, len(self.tokens)) if self._is_mark(i))
        stop = next(marks, len(self.tokens))
        size = stop - first
        if not 1 <= size <= _LONGEST_OFFICE or any(self.is_one(i, "verbs") for i in range(first, stop)):
            return end
        if self.tokens[first].is_capital:
            return stop if self._is_name(first, stop) or self._has_role(first, first + 1) else end
        if self._has_role(first, first + 1 + self.is_one(first, "determiners")):
            return stop
        is_clause = self.tokens[first].lower in _WHO or not self._is_function_word(first, *_NO_OFFICE)
        is_participle = self.language == "en" and self.tokens[first].lower.endswith("ing")
        return stop if is_speech and size > 1 and is_clause and not is_participle else end

    def _is_mark(self, position: int) -> bool:
        token = self.tokens[position]
        return not token.is_word and token.text not in "’'&/-"

    def clause_start(self, end: int) -> int:
        """Where the clause that goes on before `end` begins: after a mark, a conjunction of clauses, a verb."""
        start = end
        while start > 0 and (self.tokens[start - 1].is_word or self._is_quote_mark(start - 1)):
            if self.is_one(start - 1, "relatives", "verbs"):
                break
            start -= 1
        return start

    def phrase(self, start: int, end: int) -> tuple[int, int] | None:
        """The noun phrase of a clause that ends there; None where it is not clearly a name that speaks."""
        is_nested = start > 0 and (self.is_one(start - 1, "relatives", "verbs") or self._is_german_relative(start))
        start = self._after_conjunctions(start)
        if self._opens(start):
            start = next((i for i in range(end - 1, start, -1) if self.is_one(i, "determiners")), end)
            is_nested = is_nested or self.is_one(start - 1, "prepositions")
        if is_nested or not 0 < end - start <= LONGEST_SPEAKER or self._is_no_name(start):
            return None
        if self._is_quote_mark(end - 1):
            return start, end
        return (start, end) if self._is_subject(start, end) else None

    def _after_conjunctions(self, position: int) -> int:
        while self.is_one(position, "conjunctions"):
            position += 1
        return position

    def _is_german_relative(self, position: int) -> bool:
        """«Der Brief, den Otto Haas schrieb»."""
        is_after_comma = self.tokens[position - 1].text == "," and self.is_one(position, "determiners")
        return self.language == "de" and is_after_comma

    def _is_subject(self, start: int, end: int) -> bool:
        """Whether the words are a name that ends there, at most with an office before it."""
        run = self._run_start(start, end)
        is_named = run < end and not (run == end - 1 and self.is_one(run, "determiners"))
        if not is_named or any(self._is_function_word(i, "negations", "verbs", "relatives") for i in range(start, end)):
            return False
        of = next((i for i in range(start, run) if self._is_function_word(i, "prepositions")), None)
        if of is not None and not self._has_role(start, of):
            return False
        return not (self.language == "ru" and self._is_oblique(run, end)) and not self.is_thing(start, end)

    def _run_start(self, start: int, end: int) -> int:
        """Where the capitals that end there begin, with particles between them."""
        run = end
        position = end - 1
        while position >= start:
            token = self.tokens[position]
            if token.is_capital:
                run = position
            elif run == end or token.lower not in _PARTICLES[self.language]:
                break
            position -= 1
        return run

    def _is_oblique(self, run: int, end: int) -> bool:
        """Whether a Russian name of two words stands in the dative: «Анне Ковач сообщили»."""
        return end - run > 1 and self.tokens[run].lower.endswith(("у", "ю", "е"))

    def _is_name(self, start: int, end: int) -> bool:
        inner = self.tokens[start:end]
        return (
            1 < len(inner) <= 5
            and inner[0].is_capital
            and all(t.is_capital or t.lower in _PARTICLES[self.language] for t in inner)
        )

    def _has_role(self, start: int, end: int) -> bool:
        for token in self.tokens[start:end]:
            parts = {token.lower, token.lower.rsplit("-", 1)[0], token.lower.rsplit("-", 1)[-1]}
            if parts & self._words("roles") or (
                self.language == "de" and token.lower.endswith(tuple(self._words("roles")))
            ):
                return True
        return False

    def is_thing(self, start: int, end: int) -> bool:
        """Whether the phrase is a paper, no person: «laut Fahrplan»."""
        things = tuple(self._words("things"))
        phrase = self.tokens[start:end]
        named = [t for t in phrase if t.is_capital and t.lower not in self._words("determiners")]
        return bool(things) and bool(named) and named[0].lower.endswith(things)

    def _is_quote_mark(self, position: int) -> bool:
        return self.tokens[position].text in "«»“”„"

    def _is_quoted_name(self, position: int) -> bool:
        return self.tokens[position].text in "«“„" and position + 1 < len(self.tokens)

    def offsets(self, start: int, end: int) -> tuple[int, int]:
        """Where the words from `start` to `end` stand in the sentence."""
        return self.tokens[start].start, self.tokens[end - 1].end
