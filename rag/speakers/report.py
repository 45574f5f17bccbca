"""What a sentence says of its speaker, and the words of reporting by language (`rag/reporting.json`)."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from rag.word_tables import read_table

LONGEST_SPEAKER = 14  # words

# A character that stands in a masked sentence for each one of a quotation.
MASK = "\ufffc"
_CLOSERS = {"“": "”", "«": "»", "„": "“”", '"': '"', "「": "」", "『": "』"}
_LONGEST_QUOTED_NAME = 3
_ENDS_OF_SPEECH = ".,!?…;:。，！？"
_AFTER_SPEECH = re.compile(r"\s*(?:[,–—-]|di\w|ded\w|деп|деді|дейді)")


@dataclass(frozen=True, slots=True)
class Report:
    """The speakers that a sentence names, and whether it goes on with whoever spoke before («he said»)."""

    speakers: tuple[str, ...] = ()
    goes_on: bool = False

    @property
    def speaker(self) -> str:
        """The one that it names; empty where it names none or several."""
        return self.speakers[0] if len(self.speakers) == 1 else ""


def report_of(speakers: Iterable[str], *, goes_on: bool) -> Report | None:
    """A report by these speakers, each person once; None where nobody speaks."""
    distinct: list[str] = []
    for speaker in map(tidy, speakers):
        if not speaker or len(speaker.split()) > LONGEST_SPEAKER:
            continue
        same = next((i for i, other in enumerate(distinct) if is_same_person(speaker, other)), None)
        if same is None:
            distinct.append(speaker)
        elif len(speaker) > len(distinct[same]):
            distinct[same] = speaker
    return Report(tuple(distinct), goes_on) if distinct or goes_on else None


def is_same_person(one: str, other: str) -> bool:
    """Whether one is the other, perhaps by the family name alone: «Okafor» and «Martin Okafor, head of …»."""
    short, long = sorted((one.split(), re.findall(r"[\w’'-]+", other)), key=len)
    return one == other or (bool(short) and len(short) <= 3 and set(short) <= set(long))


def masked(sentence: str) -> str:
    """The sentence, each character of a quotation in it replaced by `MASK`; names in quotation marks stay."""
    letters = list(sentence)
    opening, closers = -1, ""
    for i, char in enumerate(sentence):
        if opening >= 0 and char in closers:
            if not _is_quoted_name(sentence, opening, i):
                letters[opening : i + 1] = MASK * (i + 1 - opening)
            opening = -1
        elif opening < 0 and char in _CLOSERS:
            opening, closers = i, _CLOSERS[char]
        elif opening < 0 and char in "”»":  # opened in an earlier sentence
            letters[: i + 1] = MASK * (i + 1)
    if opening >= 0:
        letters[opening:] = MASK * (len(letters) - opening)
    return "".join(letters)


def _is_quoted_name(sentence: str, opening: int, closing: int) -> bool:
    words = sentence[opening + 1 : closing].split()
    return (
        0 < len(words) <= _LONGEST_QUOTED_NAME
        and words[0][0].isupper()
        and words[-1][-1] not in _ENDS_OF_SPEECH
        and not _AFTER_SPEECH.match(sentence, closing + 1)
    )


def tidy(speaker: str) -> str:
    """The speaker without the marks around the name."""
    speaker = speaker.strip(" .,;:،؛-–—\n" + MASK)
    return speaker[1:-1] if speaker[:1] in _CLOSERS and speaker[-1] in _CLOSERS[speaker[0]] else speaker


def tables() -> dict[str, dict[str, Any]]:
    """The lists of words by language and kind."""
    return read_table("reporting.json")


@cache
def words(language: str, kind: str) -> frozenset[str]:
    """The language's words of a kind; empty where it has no such list."""
    return frozenset(tables()[language].get(kind, ()))


def letters_of(sentence: str, spans: Sequence[tuple[int, int]]) -> list[str]:
    """The sentence's letters at each span."""
    return [sentence[start:end] for start, end in spans]
