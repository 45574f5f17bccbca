"""Who speaks in a Chinese sentence: the name stands before the verb, without capitals or spaces."""

import re
from functools import cache

from rag.speakers.report import MASK, Report, masked, report_of, tables, words
from rag.word_tables import any_of

_LANGUAGE = "zh"
_LONGEST = 24  # characters
_STOPS = f"，。；：！？、（）\\s{MASK}"
_TIME = r"(?:本?周[一二三四五六日天]|星期[一二三四五六日天]|\d+[年月日号]|[上下]午|早上|晚上)"
_CIRCUMSTANCE = rf"(?:在[^{_STOPS}]{{1,14}}?[上中时后里]|就[^{_STOPS}]{{1,10}}?|[对向][^{_STOPS}]{{1,8}}?)"


def report(sentence: str, _: str = _LANGUAGE) -> Report | None:
    """The speakers of a sentence: what stands in a clause before a reporting verb, or after «据»."""
    hidden = masked(sentence)
    goes_on = bool(_pronoun().search(hidden))
    verbs = [m["subject"] for m in _spoken().finditer(hidden) if not _is_no_verb(hidden, m)]
    sources = [m["subject"] for m in _source().finditer(hidden)]
    named = [name for subject in verbs or sources if (name := _name(subject))]
    return report_of(named, goes_on=goes_on and not named)


def _is_no_verb(hidden: str, match: re.Match[str]) -> bool:
    """Whether the letters of the verb are part of another word («小说»)."""
    start, end = match.span("verb")
    around = [m.span() for m in _not_verbs().finditer(hidden)]
    return any(low < end and start < high for low, high in around)


def _name(subject: str) -> str:
    """The subject without what stands before it; empty where it does not look like somebody who speaks."""
    subject = re.sub(rf"^(?:{any_of(words(_LANGUAGE, 'conjunctions'))}|{_TIME})+", "", subject)
    if re.search(any_of(words(_LANGUAGE, "negations")), subject) or not 2 <= len(subject) <= _LONGEST:
        return ""
    return subject if _speaks().fullmatch(subject) else ""


@cache
def _speaks() -> re.Pattern[str]:
    """An institution, or a person's name: with a surname, a title before or after it, or in foreign syllables."""
    institutions, roles = any_of(words(_LANGUAGE, "institutions")), any_of(words(_LANGUAGE, "roles"))
    surnames = tables()[_LANGUAGE]["surnames"][0]
    title = rf"(?:[^{_STOPS}]{{0,16}}?(?:{roles}|{institutions}))"
    name = rf"(?:[{surnames}]\w{{1,2}}|\w{{1,8}}(?:·\w{{1,8}})+)"
    return re.compile(rf"{title}?{name}(?:{roles})?|{title}\w{{2,6}}|[^{_STOPS}]{{0,20}}(?:{institutions}|{roles})")


@cache
def _spoken() -> re.Pattern[str]:
    verbs, adverbs = any_of(words(_LANGUAGE, "verbs")), any_of(words(_LANGUAGE, "adverbs"))
    return re.compile(
        rf"(?:^|(?<=[{_STOPS}]))(?!据)(?P<subject>[^{_STOPS}]{{2,{_LONGEST}}}?)"
        rf"(?:{_TIME}|{adverbs}|{_CIRCUMSTANCE})*(?P<verb>{verbs})"
    )


@cache
def _source() -> re.Pattern[str]:
    return re.compile(
        rf"(?:^|(?<=[{_STOPS}]))据(?P<subject>[^{_STOPS}]{{2,{_LONGEST}}}?)(?:{_TIME})?"
        rf"(?:的?(?:{any_of(words(_LANGUAGE, 'reports'))}))(?=[{_STOPS}])"
    )


@cache
def _pronoun() -> re.Pattern[str]:
    pronouns, verbs = any_of(words(_LANGUAGE, "pronouns")), any_of(words(_LANGUAGE, "verbs"))
    adverbs = any_of(words(_LANGUAGE, "adverbs"))
    return re.compile(
        rf"(?:^|(?<=[{_STOPS}]))(?:{any_of(words(_LANGUAGE, 'conjunctions'))})?"
        rf"(?:(?:{pronouns})(?:{_TIME}|{adverbs}|{_CIRCUMSTANCE})*(?:{verbs})|据(?:{pronouns}))"
    )


@cache
def _not_verbs() -> re.Pattern[str]:
    return re.compile(any_of(words(_LANGUAGE, "not_verbs")))
