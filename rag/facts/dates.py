"""Dates in a text, and which day, week, month or year they mean.

What the text and the day of publication do not settle stays unsettled: no year is guessed, and a weekday alone
means the last one only where nothing in its sentence looks ahead.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from index.normalization import fold
from index.sentences import sentence_spans
from rag.facts import fact_words
from rag.facts.fact_words import WORD_START
from rag.facts.folded_text import FoldedText
from rag.word_tables import any_of

_DAYS_TO_NEAREST_YEAR = 120
_MONTHS_TO_NEAREST_YEAR = 4
_YEAR = r"(?:1[0-9]{3}|20[0-9]{2})"
_NUMERIC = re.compile(
    r"(?<![\w.,/:-])(?:(?P<iso>\d{4}-\d{2}-\d{2})|(?P<first>\d{1,2})(?P<sep>[./])(?P<second>\d{1,2})(?P=sep)(?P<year>\d{4}))(?![\w/-]|[.,:]\d)"
)
_CHINESE = re.compile(r"(?:(?P<year>\d{4})年)?(?P<month>\d{1,2})月(?P<day>\d{1,2})日|(?P<alone>\d{4})年")
# «س» before an Arabic verb puts it into the future; some nouns begin with the same letters.
_ARABIC_FUTURE = re.compile(r"\bس(?!ياس|يار|يد|يطر|يناريو|ته|ين|يل|يرا|يف)[ينت]\w{3,}")


@dataclass(frozen=True, slots=True)
class FoundDate:
    """`text[start:end]` is a date; `iso` is ISO 8601: a day, a month, a year, a week, `day/day`; None: unsettled."""

    start: int
    end: int
    iso: str | None


@dataclass(frozen=True, slots=True)
class _Match:
    """Like `FoundDate`, in folded text."""

    start: int
    end: int
    iso: str | None


def find_dates(text: str, language: str, published: date | None = None) -> list[FoundDate]:
    """The dates in a paragraph of the language (ISO 639-1) published on the day, in reading order."""
    folded = FoldedText.of(text)
    reader = _Reader(folded, language, published)
    taken: list[_Match] = []
    for pattern in (reader.numeric, reader.days, reader.months, reader.years, reader.weekdays, reader.relative):
        found = list(pattern())
        taken += [m for m in found if not any(m.start < t.end and t.start < m.end for t in taken)]
    taken.sort(key=lambda match: match.start)
    return [FoundDate(*folded.span(m.start, m.end), m.iso) for m in taken]


class _Reader:
    """One paragraph, read with the patterns of its language."""

    def __init__(self, text: FoldedText, language: str, published: date | None) -> None:
        self._text = text
        self._folded = text.folded
        self._language = language
        self._published = published
        self._sentences = sentence_spans(text.folded)

    def numeric(self) -> Iterator[_Match]:
        """2022-01-06, 06.01.2022, and Chinese dates."""
        for match in _NUMERIC.finditer(self._folded):
            if match["iso"]:
                with suppress(ValueError):
                    yield _Match(*match.span(), date.fromisoformat(match["iso"]).isoformat())
                continue
            first, second, year = int(match["first"]), int(match["second"]), int(match["year"])
            # With slashes, English has both orders: only a number above 12 tells the day.
            is_open = self._language == "en" and match["sep"] == "/" and first != second and max(first, second) <= 12
            day, month = (second, first) if second > 12 else (first, second)
            with suppress(ValueError):
                yield _Match(*match.span(), None if is_open else date(year, month, day).isoformat())
        if self._language != "zh":
            return
        for match in _CHINESE.finditer(self._folded):
            if match["alone"]:
                yield _Match(*match.span(), match["alone"])
            else:
                yield from self._day(match, match["year"], int(match["month"]), [int(match["day"])], None)

    def days(self) -> Iterator[_Match]:
        """A day and a month, with or without weekday and year."""
        months = fact_words.months(self._language)
        weekdays = fact_words.weekdays(self._language)
        for match in _day_pattern(self._language).finditer(self._folded):
            found = match.groupdict()
            month = months[found["month"] or found["month_first"]]
            if found["other_name"] and months[found["other_name"]] != month:
                continue
            days = [int(found[key]) for key in ("from_day", "day", "day_after") if found[key]]
            name = found["weekday"] or found["weekday_first"]
            weekday = weekdays[name] if name else None
            yield from self._day(match, found["year"] or found["year_last"], month, days, weekday)

    def months(self) -> Iterator[_Match]:
        """A month with a year, or after a word like "in"."""
        months = fact_words.months(self._language)
        alone = months.keys() - fact_words.words(self._language, "not_months_alone")
        for match in _month_pattern(self._language).finditer(self._folded):
            name, start = match["month"], match.start("month")
            is_one_month = not match["other_name"] or months[match["other_name"]] == months[name]
            has_day = bool(re.search(r"\d\S{0,3}\s(?:de\s|of\s)?$", self._folded[max(0, start - 12) : start]))
            if has_day or not is_one_month or not self._is_name(start):
                continue
            if match["year"]:
                yield _Match(start, match.end(), f"{match['year']}-{months[name]:02}")
            elif match["cue"] and len(name) > 2 and (name in alone or match["other_name"]):
                shift = self._shift(match["cue"], self._word_after(match.end()))
                end = match.end()
                if shift is not None and fact_words.flag(self._language, "is_shift_after"):
                    end += 1 + len(self._word_after(end))
                elif shift is not None:
                    start = match.start("cue")
                iso = self._nearest_month(months[name], shift, looks_ahead=self._looks_ahead(start))
                yield _Match(start, end, iso)

    def years(self) -> Iterator[_Match]:
        """A year that a word beside it calls one, and years joined to it."""
        end = -1
        for match in _year_pattern(self._language).finditer(self._folded):
            between = self._folded[end : match.start("year")].strip() if end >= 0 else "?"
            is_joined = between in fact_words.words(self._language, "and") | {"-", ","}
            if match["noun"] or match["cue"] or match["after"] or is_joined:
                if self._word_after(match.end()) in fact_words.words(self._language, "plurals"):
                    continue
                start = match.start("noun") if match["noun"] else match.start("year")
                end = match.end()
                yield _Match(start, end, match["year"])

    def weekdays(self) -> Iterator[_Match]:
        """A weekday alone."""
        weekdays = fact_words.weekdays(self._language)
        need = fact_words.words(self._language, "weekdays_need_cue")
        cues = fact_words.words(self._language, "weekday_cues")
        every = fact_words.words(self._language, "every")
        for match in _weekday_pattern(self._language).finditer(self._folded):
            name, start = match["weekday"], match.start()
            before = self._words_before(start)
            if not self._is_name(match.start("weekday")) or (before and before[-1] in every):
                continue
            has_cue = bool(match["noun"]) or bool(before and (before[-1] in cues or before[-1][1:] in cues))
            shift = self._shift(before[-1] if before else "", self._word_after(match.end()))
            # «в следующий четверг»: the preposition stands before the adjective.
            has_cue |= bool(shift)
            if name in need and not has_cue:
                continue
            end = match.end()
            if shift is not None:
                if fact_words.flag(self._language, "is_shift_after"):
                    end += 1 + len(self._word_after(end))
                else:
                    start -= 1 + len(before[-1])
            yield _Match(start, end, self._weekday(weekdays[name], shift, start))

    def relative(self) -> Iterator[_Match]:
        """Yesterday, tomorrow; last, this and next week, month and year."""
        days = fact_words.values(self._language, "past_days")
        for match in re.finditer(rf"{WORD_START}(?:{any_of(days)})(?!\w)", self._folded):
            day = self._published and self._published + timedelta(days=days[match.group()])
            yield _Match(*match.span(), day.isoformat() if day else None)
        for match in _period_pattern(self._language).finditer(self._folded):
            if self._words_before(match.start())[-1:] in (["the"], ["every"]) or self._word_after(match.end()) == "of":
                continue
            shift = self._shift(match["before"] or "", match["after"] or "")
            period = next(k for k, v in fact_words.periods(self._language).items() if match["period"] in map(fold, v))
            yield _Match(*match.span(), self._period(period, shift))

    def _day(
        self, match: re.Match[str], year: str | None, month: int, days: list[int], weekday: int | None
    ) -> Iterator[_Match]:
        with suppress(ValueError):
            if year:
                settled = [date(int(year), month, day) for day in days]
            else:
                for day in days:
                    date(2000, month, day)  # A leap year: only what no year has is no date.
                settled = [d for day in days if (d := self._nearest_day(month, day, weekday))]
            is_settled = len(settled) == len(days)
            yield _Match(*match.span(), "/".join(d.isoformat() for d in settled) if is_settled else None)

    def _nearest_day(self, month: int, day: int, weekday: int | None) -> date | None:
        """The day in the year that is near the publication, or in the one whose weekday fits."""
        if self._published is None:
            return None
        candidates = []
        for year in (self._published.year - 1, self._published.year, self._published.year + 1):
            with suppress(ValueError):
                candidates.append(date(year, month, day))
        if weekday is not None:
            fitting = [d for d in candidates if d.weekday() == weekday]
            return fitting[0] if len(fitting) == 1 else None
        near = [d for d in candidates if abs((d - self._published).days) <= _DAYS_TO_NEAREST_YEAR]
        return near[0] if len(near) == 1 else None

    def _nearest_month(self, month: int, shift: int | None, *, looks_ahead: bool) -> str | None:
        if self._published is None:
            return None
        now = self._published.year * 12 + self._published.month - 1
        candidates = {year: year * 12 + month - 1 - now for year in range(now // 12 - 1, now // 12 + 2)}
        if shift:
            # "Last March" is settled only where both readings agree: the one before, and the one of last year.
            nearest = (
                max(d for d in candidates.values() if d < 0)
                if shift < 0
                else min(d for d in candidates.values() if d > 0)
            )
            year = next(y for y, d in candidates.items() if d == nearest)
            return f"{year}-{month:02}" if year == self._published.year + shift else None
        for year, distance in candidates.items():
            if distance == 0 or (abs(distance) <= _MONTHS_TO_NEAREST_YEAR and (distance > 0) == looks_ahead):
                return f"{year}-{month:02}"
        return None

    def _weekday(self, weekday: int, shift: int | None, start: int) -> str | None:
        if self._published is None:
            return None
        back = (self._published.weekday() - weekday) % 7
        if shift is None:
            before = self._words_before(start)[-1:]
            # "Until Friday", "by Friday"; without a list of such words nothing tells.
            is_limit = bool(set(before) & fact_words.words(self._language, "ahead_before"))
            can_tell = bool(fact_words.words(self._language, "ahead")) and not is_limit
            if not can_tell or (self._looks_ahead(start) and not self._follows_report(start)):
                return None
            return (self._published - timedelta(days=back)).isoformat()
        if shift == 0:
            return (self._published + timedelta(days=weekday - self._published.weekday())).isoformat()
        day = self._published + timedelta(days=-(back or 7) if shift < 0 else 7 - back)
        weeks = (day - timedelta(days=day.weekday()) - self._published + timedelta(days=self._published.weekday())).days
        # "Last Thursday" on a Friday may be yesterday or a week ago.
        return day.isoformat() if weeks == 7 * shift else None

    def _period(self, period: str, shift: int | None) -> str | None:
        if self._published is None or shift is None:
            return None
        if period == "year":
            return str(self._published.year + shift)
        if period == "month":
            number = self._published.year * 12 + self._published.month - 1 + shift
            return f"{number // 12}-{number % 12 + 1:02}"
        # At the week-end it depends on the country which week has begun.
        if self._published.weekday() >= 5:
            return None
        year, week, _ = (self._published + timedelta(weeks=shift)).isocalendar()
        return f"{year}-W{week:02}"

    def _shift(self, before: str, after: str) -> int | None:
        """-1 for "last", 0 for "this", 1 for "next", None for neither."""
        word = after if fact_words.flag(self._language, "is_shift_after") else before
        for key, shift in (("last", -1), ("this", 0), ("next", 1)):
            if word in fact_words.words(self._language, key):
                return shift
        return None

    def _looks_ahead(self, position: int) -> bool:
        """Whether the sentence at the position has a word of the future."""
        for start, end in self._sentences:
            if start <= position < end:
                sentence = self._folded[start:end]
                has_word = bool(set(re.findall(r"[\w']+", sentence)) & fact_words.words(self._language, "ahead"))
                return has_word or (self._language == "ar" and bool(_ARABIC_FUTURE.search(sentence)))
        return False

    def _follows_report(self, position: int) -> bool:
        """Whether it is the day of a statement: "said on Thursday that the talks will begin"."""
        verbs = fact_words.reporting_verbs(self._language)
        return any(word in verbs or word[1:] in verbs for word in self._words_before(position)[-2:])

    def _is_name(self, position: int) -> bool:
        """English writes months and weekdays with capitals; "may" and "march" are other words."""
        return self._language != "en" or self._text.original[self._text.offsets[position]].isupper()

    def _words_before(self, position: int) -> list[str]:
        """The words that stand before the position with nothing but spaces between."""
        return re.split(r"[^\w' ]", self._folded[max(0, position - 40) : position])[-1].split()

    def _word_after(self, position: int) -> str:
        match = re.match(r"\s([\w']+)", self._folded[position:])
        return match[1] if match else ""


@cache
def _day_pattern(language: str) -> re.Pattern[str]:
    names = any_of(fact_words.months(language))
    month = rf"(?P<month>{names})(?:\.(?=\s\d{{4}}))?(?:\s?/\s?(?P<other_name>{names}))?"
    noun = any_of(fact_words.words(language, "weekday_nouns"))
    weekday = rf"(?:(?:(?:{noun})\s)?(?P<weekday>{any_of(fact_words.weekdays(language))}),?\s(?:(?:the|le|den|el)\s)?)?"
    ordinal = r"(?:st|nd|rd|th|er|-?е|-?го)?\.?"
    day = rf"(?:(?P<from_day>[0-3]?\d)\s?-\s?)?(?P<day>[0-3]?\d)(?!\d){ordinal}"
    after = any_of(fact_words.words(language, "year_after"))
    year = rf"(?:,?\s(?:de\s)?(?P<year>{_YEAR})(?!\d)(?:\s(?:{after})(?!\w))?)?"
    first = rf"{weekday}(?<![\d.,:/-]){day}\s(?:de\s|of\s)?{month}(?!\w){year}"
    # January 6, 2022: the day after the month, in English.
    last = (
        rf"|(?:(?P<weekday_first>{any_of(fact_words.weekdays(language))}),?\s)?(?P<month_first>{names})\.?\s(?P<day_after>[0-3]?\d)"
        rf"(?:st|nd|rd|th)?(?![\w:]|[.,-]\d)(?:,?\s(?P<year_last>{_YEAR})(?!\d))?"
        if language == "en"
        else r"|(?!)(?P<month_first>)(?P<day_after>)(?P<year_last>)(?P<weekday_first>)"
    )
    return re.compile(rf"{WORD_START}(?:{first}{last})")


@cache
def _month_pattern(language: str) -> re.Pattern[str]:
    names = any_of(fact_words.months(language))
    cue = rf"(?:{WORD_START}(?P<cue>{any_of(fact_words.words(language, 'month_cues'))})[\s-])?"
    after = any_of(fact_words.words(language, "year_after"))
    year = rf"(?:,?\s(?:de\s)?(?P<year>{_YEAR})(?![\d%])(?:\s(?:{after})(?!\w))?)?"
    return re.compile(rf"{cue}{WORD_START}(?P<month>{names})(?:\s?/\s?(?P<other_name>{names}))?(?!\w){year}")


@cache
def _year_pattern(language: str) -> re.Pattern[str]:
    noun = any_of(fact_words.words(language, "year_nouns"))
    cue = any_of(fact_words.words(language, "year_cues"))
    after = any_of(fact_words.words(language, "year_after"))
    return re.compile(
        rf"(?:{WORD_START}(?:(?P<noun>{noun})\s|(?P<cue>{cue})[\s-]))?(?<![\d.,:/])(?<!\w)"
        rf"(?P<year>{_YEAR})(?:\s(?P<after>{after})(?!\w))?(?![\w%]|[.,:/]\d)"
    )


@cache
def _weekday_pattern(language: str) -> re.Pattern[str]:
    noun = any_of(fact_words.words(language, "weekday_nouns"))
    names = any_of(fact_words.weekdays(language))
    return re.compile(rf"{WORD_START}(?:(?P<noun>{noun})\s)?(?P<weekday>{names})(?!\w)")


@cache
def _period_pattern(language: str) -> re.Pattern[str]:
    shifts = any_of(word for key in ("last", "this", "next") for word in fact_words.words(language, key))
    period = any_of(fold(word) for names in fact_words.periods(language).values() for word in names)
    if fact_words.flag(language, "is_shift_after"):
        return re.compile(rf"{WORD_START}(?P<before>)(?P<period>{period})\s(?P<after>{shifts})(?!\w)")
    return re.compile(rf"{WORD_START}(?P<before>{shifts})\s(?P<period>{period})(?P<after>)(?!\w)")
