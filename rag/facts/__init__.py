"""The facts of an article: people, numbers, dates and places, each as letters of the article.

Arabic, English, Russian and French are read whole; of other languages numbers and dates. What is doubtful is left
out: a wrong fact is worse than a missing one.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from index.articles import Article, IndexedArticle, Paragraph
from rag.facts.dates import find_dates
from rag.facts.numbers import find_numbers
from rag.facts.people import find_people
from rag.facts.places import find_places


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Mention(_Frozen):
    """Letters of an article: `text` equals `article.text[start:end]`, checked before it is made."""

    text: str
    paragraph: int = Field(description="number of the body paragraph, from 1")
    start: int = Field(description="offset of the first character in the article's text")
    end: int = Field(description="offset after the last character")


class Person(_Frozen):
    """Somebody whom the article names."""

    name: Mention = Field(description="the fullest name that the article gives")
    role: Mention | None = Field(description="office or occupation, where it stands beside the name")
    mentions: list[Mention] = Field(description="all places of the name, the surname alone included, in reading order")


class Number(Mention):
    """A number that counts or measures, as it is written and as a value."""

    kind: Literal["number", "ratio", "range"]
    value: int | float
    second: int | float | None = Field(description="of a ratio (2 to 1) or a range (10-15): the other value")
    unit: Mention | None = Field(description="what is counted or measured, where the article says it")


class Date(Mention):
    """A date, as it is written and in ISO 8601."""

    iso: str | None = Field(
        description="a day (2022-01-06), days (2022-01-06/2022-01-08), a week (2022-W01), a month (2022-01) or a year;"
        " null where neither the text nor the day of publication settles it"
    )


class Place(_Frozen):
    """A country, city or region that the article names."""

    name: Mention = Field(description="its first mention")
    country: str | None = Field(description="ISO 3166 code, where it is a country")
    mentions: list[Mention] = Field(description="all of them, in reading order")


class Facts(_Frozen):
    """The facts of one version of an article."""

    article_id: str
    version: int = Field(description="version of the article, from 1")
    language: str = Field(description="of the article, ISO 639-1")
    people: list[Person]
    numbers: list[Number]
    dates: list[Date]
    places: list[Place]


def facts_of(entry: IndexedArticle) -> Facts:
    """The facts in the body paragraphs of an article of the catalog."""
    article = entry.article
    people = _people(article)
    dates = _dates(article)
    return Facts(
        article_id=entry.id,
        version=entry.version,
        language=article.language,
        people=people,
        numbers=_numbers(article, dates),
        dates=dates,
        # «نور سلطان» is also a city.
        places=_places(article, [mention for person in people for mention in person.mentions]),
    )


def _people(article: Article) -> list[Person]:
    texts = [article.text_of(paragraph) for paragraph in article.body]
    return [
        Person(
            name=_mention(article, article.body[person.name[0]], *person.name[1:]),
            role=_mention(article, article.body[person.role[0]], *person.role[1:]) if person.role else None,
            mentions=[_mention(article, article.body[i], start, end) for i, start, end in person.mentions],
        )
        for person in find_people(texts, article.language)
    ]


def _dates(article: Article) -> list[Date]:
    return [
        Date(**_mention(article, paragraph, date.start, date.end).model_dump(), iso=date.iso)
        for paragraph in article.body
        for date in find_dates(article.text_of(paragraph), article.language, article.published)
    ]


def _numbers(article: Article, dates: list[Date]) -> list[Number]:
    numbers = []
    for paragraph in article.body:
        spans = [(d.start - paragraph.start, d.end - paragraph.start) for d in dates if d.paragraph == paragraph.number]
        for number in find_numbers(article.text_of(paragraph), article.language, spans):
            unit = _mention(article, paragraph, *number.unit) if number.unit else None
            letters = _mention(article, paragraph, number.start, number.end).model_dump()
            numbers.append(Number(**letters, kind=number.kind, value=number.value, second=number.second, unit=unit))
    return numbers


def _places(article: Article, taken: list[Mention]) -> list[Place]:
    mentions: dict[str, list[Mention]] = {}
    countries: dict[str, str | None] = {}
    for paragraph in article.body:
        for place in find_places(article.text_of(paragraph), article.language):
            mention = _mention(article, paragraph, place.start, place.end)
            if not any(mention.start < other.end and other.start < mention.end for other in taken):
                mentions.setdefault(place.key, []).append(mention)
                countries[place.key] = place.country
    return [Place(name=found[0], country=countries[key], mentions=found) for key, found in mentions.items()]


def _mention(article: Article, paragraph: Paragraph, start: int, end: int) -> Mention:
    """A span of the paragraph; its text is cut from the article itself."""
    low, high = paragraph.start + start, paragraph.start + end
    return Mention(text=article.text[low:high], paragraph=paragraph.number, start=low, end=high)
