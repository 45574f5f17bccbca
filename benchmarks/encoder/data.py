"""The development sets as ranking tasks: queries, candidates, and which candidate is each query's own."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from index.exceptions import MaqalError

TATOEBA = {"ar": "ara", "ru": "rus", "fr": "fra", "tr": "tur", "de": "deu", "es": "spa", "kk": "kaz", "zh": "cmn"}
XQUAD = ("ar", "ru", "tr", "de", "es", "zh")
TYDIQA = ("ar", "ru")
_FIX = "Give the folder that holds tatoeba/, flores200/, xquad-even.*.json and tydiqa-goldp.*.json: --data FOLDER"


class DataUnreadable(MaqalError):
    """A file of the development sets is missing, or not what it should be."""

    code = "data_unreadable"


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts in one language."""

    language: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RankingTask:
    """Rank `candidates` for each query: number `relevant[i]` is the right one for query `i`.

    A translation task has sentences on both sides, a retrieval task questions and paragraphs.
    """

    queries: Texts
    candidates: Texts
    relevant: tuple[int, ...]
    is_translation: bool = False

    @property
    def name(self) -> str:
        """Direction and size, such as `en→ar (of 120)`."""
        return f"{self.queries.language}→{self.candidates.language} (of {len(self.candidates.texts)})"


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """Questions and paragraphs in one language; question `i` is answered by paragraph `relevant[i]`."""

    ids: tuple[str, ...]
    questions: Texts
    paragraphs: Texts
    relevant: tuple[int, ...]


def read_tatoeba(folder: Path, limit: int | None = None) -> list[RankingTask]:
    """Both directions between English and each language, over the first `limit` pairs."""
    tasks = []
    for language, code in TATOEBA.items():
        english, foreign = (folder / "tatoeba" / f"tatoeba.{code}-eng.{side}" for side in ("eng", code))
        tasks += _translation(english, foreign, language, limit)
    return tasks


def read_flores(folder: Path, limit: int | None = None) -> list[RankingTask]:
    """Both directions between English and Kazakh, for which Tatoeba has few pairs."""
    flores = folder / "flores200"
    return _translation(flores / "eng_Latn.devtest", flores / "kaz_Cyrl.devtest", "kk", limit)


def read_xquad(folder: Path, limit: int | None = None) -> list[RankingTask]:
    """English questions to paragraphs of each language, then each language's questions to its own paragraphs."""
    english, *others = (read_xquad_language(folder, language, limit) for language in ("en", *XQUAD))
    for other in others:
        if other.ids != english.ids or other.relevant != english.relevant:
            path = folder / f"xquad-even.{other.questions.language}.json"
            raise DataUnreadable(f"{path} has not the questions of xquad-even.en.json.", _FIX)
    cross = [RankingTask(english.questions, other.paragraphs, other.relevant) for other in others]
    own = [RankingTask(each.questions, each.paragraphs, each.relevant) for each in (english, *others)]
    return cross + own


def read_xquad_language(folder: Path, language: str, limit: int | None = None) -> QuestionSet:
    """The first `limit` questions of one language, and all its paragraphs."""
    path = folder / f"xquad-even.{language}.json"
    content = _read_json(path)
    try:
        paragraphs = tuple(str(paragraph) for paragraph in content["paragraphs"])
        rows = [(str(q["id"]), str(q["question"]), int(q["paragraph"])) for q in content["questions"]]
    except (KeyError, TypeError, ValueError) as error:
        raise DataUnreadable(f"{path} lacks paragraphs, or questions with id, question and paragraph.", _FIX) from error
    return _question_set(path, language, paragraphs, rows[:limit])


def read_tydiqa(folder: Path, limit: int | None = None) -> list[RankingTask]:
    """Questions to passages of their own language; `limit` cuts both."""
    sets = (_read_tydiqa_language(folder, language, limit) for language in TYDIQA)
    return [RankingTask(each.questions, each.paragraphs, each.relevant) for each in sets]


def _read_tydiqa_language(folder: Path, language: str, limit: int | None) -> QuestionSet:
    path = folder / f"tydiqa-goldp.{language}.json"
    content = _read_json(path)
    passages: dict[str, int] = {}  # Some passages answer several questions.
    try:
        rows = [
            (str(q["id"]), str(q["question"]), passages.setdefault(str(paragraph["context"]), len(passages)))
            for article in content["data"][:limit]
            for paragraph in article["paragraphs"]
            for q in paragraph["qas"]
        ]
    except (KeyError, TypeError) as error:
        raise DataUnreadable(f"{path} lacks data → paragraphs → context and qas.", _FIX) from error
    return _question_set(path, language, tuple(passages), rows)


def _question_set(
    path: Path, language: str, paragraphs: tuple[str, ...], rows: list[tuple[str, str, int]]
) -> QuestionSet:
    if not rows or not paragraphs:
        raise DataUnreadable(f"{path} holds no questions, or no paragraphs.", _FIX)
    ids, questions, relevant = zip(*rows, strict=True)
    if not all(0 <= number < len(paragraphs) for number in relevant):
        raise DataUnreadable(f"{path} names a paragraph that it does not hold.", _FIX)
    return QuestionSet(ids, Texts(language, questions), Texts(language, paragraphs), relevant)


def _translation(english: Path, foreign: Path, language: str, limit: int | None) -> list[RankingTask]:
    sides = [_read_lines(english), _read_lines(foreign)]
    if len(sides[0]) != len(sides[1]):
        raise DataUnreadable(f"{foreign} has {len(sides[1])} lines, {english.name} has {len(sides[0])}.", _FIX)
    en, xx = Texts("en", sides[0][:limit]), Texts(language, sides[1][:limit])
    relevant = tuple(range(len(en.texts)))
    return [RankingTask(en, xx, relevant, is_translation=True), RankingTask(xx, en, relevant, is_translation=True)]


def _read_lines(path: Path) -> tuple[str, ...]:
    # Not splitlines(), which also breaks at separators that occur within sentences.
    lines = tuple(_read_text(path).removesuffix("\n").split("\n"))
    if not all(line.strip() for line in lines):
        raise DataUnreadable(f"{path} is empty or has an empty line.", _FIX)
    return lines


def _read_json(path: Path) -> Any:
    try:
        return json.loads(_read_text(path))
    except json.JSONDecodeError as error:
        raise DataUnreadable(f"{path} is not JSON: {error}", _FIX) from error


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise DataUnreadable(f"{path} is missing.", _FIX) from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataUnreadable(f"{path} cannot be read as UTF-8 text: {error}", _FIX) from error
