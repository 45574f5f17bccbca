"""Who speaks in an English, French, Russian, German or Spanish sentence: a name before the verb, or after it."""

import re
from collections.abc import Sequence
from functools import cache

from rag.speakers.name_phrases import NamePhrases, Token
from rag.speakers.report import LONGEST_SPEAKER, MASK, Report, letters_of, masked, report_of, tables, words
from rag.word_tables import any_of

_INNER = r"[^\W\d_][\w’'.-]*"
_CAPITAL = r"[^\W\d_a-zа-яёà-öø-ÿәғқңөұүһіıçşğ][\w’'.-]*"
_NAME = rf"{_CAPITAL}(?:\s+(?:(?:de|du|des|la|le|von|van|bin|ibn|al|of|del)\s+)*{_CAPITAL})+"
# A name, perhaps with an office before or after it, and a word in lower case: the subject of a sentence and its verb.
_HEAD = re.compile(
    rf"(?P<speaker>(?:{_CAPITAL}(?:\s+{_INNER}){{0,5}}?,?\s+)??{_NAME}(?:,\s+[^,.;:“”«»\"\s][^,.;:“”«»\"]{{2,90}},)?)"
    r",?\s+[^\W\d_A-ZА-ЯЁÀ-ÖӘҒҚҢӨҰҮҺІİÇŞĞ]"
)


def report(sentence: str, language: str) -> Report | None:
    """The speakers that a sentence names: of verbs of saying, or else the first of «according to» and its like."""
    hidden = masked(sentence)
    reader = _Reader(hidden, language)
    spans = reader.of_verbs() or reader.of_sources()[:1]
    goes_on = bool(_going_on(language).search(hidden))
    return report_of(letters_of(sentence, spans), goes_on=goes_on and not spans)


def subject(sentence: str, language: str) -> str:
    """The name at the head of a sentence; empty where there is none of two words or more."""
    match = _HEAD.match(masked(sentence))
    if match is None:
        return ""
    speaker = match["speaker"].strip(" ,")
    first = speaker.split(maxsplit=1)[0].strip(",").lower()
    is_other = first in words(language, "openings") - words(language, "determiners") or first in (
        words(language, "pronouns") | words(language, "no_names")
    )
    return "" if is_other or len(speaker.split()) > LONGEST_SPEAKER else speaker


class _Reader(NamePhrases):
    """Whom the verbs of saying in a masked sentence have for subject, and whom it cites."""

    def of_verbs(self) -> list[tuple[int, int]]:
        """The spans of the subjects of verbs of saying."""
        found = []
        for position, token in enumerate(self.tokens):
            if self._is_verb(position) and not self._is_denied(position):
                span = self._before(position, is_strict=True) or self._inverted(position)
                if span is None and token.lower not in self._words("after_only"):
                    span = self._before(position, is_strict=False)
                if span:
                    found.append(self.offsets(*span))
        return found

    def of_sources(self) -> list[tuple[int, int]]:
        """The spans of whom «according to» and its like name."""
        found = []
        for match in _according(self.language).finditer(self.hidden):
            position = next((i for i, t in enumerate(self.tokens) if t.start >= match.end()), len(self.tokens))
            span = self.after(position, is_speech=False)
            if span and not self.is_thing(*span):
                found.append(self.offsets(*span))
        return found

    def _is_verb(self, position: int) -> bool:
        token = self.tokens[position]
        if token.is_capital and position:
            return False
        if self.is_one(position, "after_only"):
            return position > 0 and not self.tokens[position - 1].is_word
        separable = tables()[self.language].get("separable", {}).get(token.lower)
        if separable:
            ahead = [t.lower for t in self._clause_ahead(position)]
            return bool(set(separable).intersection(ahead))
        is_object_after = self.is_one(position + 1, "not_after")
        return self.is_one(position, "verbs") and not is_object_after

    def _clause_ahead(self, position: int) -> Sequence[Token]:
        end = position + 1
        while end < len(self.tokens) and self.tokens[end].text not in ".;:" and end - position <= 20:
            end += 1
        return self.tokens[position + 1 : end]

    def _is_denied(self, position: int) -> bool:
        """«did not say», «n’a pas dit», «sagte nichts», «refuse de dire»."""
        before = range(max(0, position - 4), position)
        near = [i for i in before if all(self.tokens[j].is_word for j in range(i, position))]
        near = [i for i in near if not any(self.is_one(j, "verbs", "conjunctions") for j in range(i, position))]
        return any(map(self._is_negation, near)) or self.is_one(position + 1, "nothing")

    def _is_negation(self, position: int) -> bool:
        return self.is_one(position, "negations") or (
            self.language == "fr" and position < len(self.tokens) and self.tokens[position].lower in {"n’", "n'"}
        )

    def _before(self, verb: int, *, is_strict: bool) -> tuple[int, int] | None:
        """The subject that ends before the verb; strictly: a name of two words, or one right before the verb."""
        end = verb
        while self.is_one(end - 1, "auxiliaries"):
            end -= 1
        if end == 0:
            return None
        if self.tokens[end - 1].text != ",":
            return self.phrase(self.clause_start(end), end)
        return self.before_comma(end - 1, is_strict=is_strict)

    def _inverted(self, verb: int) -> tuple[int, int] | None:
        """The subject after the verb: after a quotation or a comma, or where the clause begins with something else."""
        start = self.clause_start(verb)
        first = verb
        while self.is_one(first - 1, "auxiliaries"):
            first -= 1
        is_after_mark = any(i == 0 or not self.tokens[i - 1].is_word for i in (first, verb))
        is_after_mark = is_after_mark or self.is_one(verb - 1, "inverters")
        is_after_opening = self.language != "en" and self.is_one(start, "openings")
        if not (is_after_mark or is_after_opening):
            return None
        marks = self.hidden[: self.tokens[verb].start].rstrip(" ,-–—")
        span = self.after(verb + 1, is_speech=marks.endswith(MASK))
        # «X said Y was …» is no inversion.
        is_object = (
            self.language == "en"
            and span is not None
            and span[1] < len(self.tokens)
            and self.tokens[span[1]].is_word
            and not self.is_one(span[1], "prepositions")
        )
        return None if is_object else span


@cache
def _according(language: str) -> re.Pattern[str]:
    return re.compile(rf"(?i:(?<!\w)(?:{any_of(words(language, 'according_to'))})(?!\w))\s*")


@cache
def _going_on(language: str) -> re.Pattern[str]:
    """«he said», «a-t-il averti», «selon lui»; in Spanish a verb without a subject."""
    pronouns = any_of(words(language, "pronouns"))
    verbs, auxiliaries = any_of(words(language, "verbs")), any_of(words(language, "auxiliaries"))
    verb = rf"(?:(?:{auxiliaries})\s+)*(?:{verbs}|{any_of(tables()[language].get('separable', {}))})(?!\w)"
    bare = rf"|(?:^|{MASK},?\s)(?:{verbs})(?=\s+que\b|\s*[,.:]|$)" if language == "es" else ""
    # The subjunctive of reported speech needs no verb of saying.
    reported = r"|(?<!\bich )(?<!auch )\b(?:sei|seien|habe|werde|könne|müsse|solle|wolle|dürfe)\b(?! ich\b| denn\b)"
    return re.compile(
        rf"(?i:(?<!\w)(?:{pronouns})\s+{verb}|(?<!\w)(?:{verbs})[-‑ ](?:t-)?(?:{pronouns})(?!\w)"
        rf"|(?<!\w)(?:{auxiliaries})-(?:t-)?(?:{pronouns})\s+(?:{verbs})(?!\w)"
        rf"|(?<!\w)(?:{any_of(words(language, 'according_to_him'))})(?!\w){bare}){reported if language == 'de' else ''}"
    )
