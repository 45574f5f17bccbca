"""Questions whose right answers are known: the files that hold them, and the articles that they are asked of."""

import json
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from index.articles import IndexedArticle
from index.normalization import clean, fold
from rag.exceptions import RagError
from rag.phrases import languages

_FIELDS = ("id", "language", "question", "paragraphs", "key")
_MOST_PROBLEMS = 20


class BadQuestionFile(RagError):
    """Questions that cannot be evaluated; the message names the file and each broken line."""

    code = "bad_question_file"


@dataclass(frozen=True, slots=True)
class Question:
    """A question and what its answer must be; one line of a file.

    `paragraphs` (numbers of body paragraphs) is empty where the article does not say; `key` or any of `alternatives`
    is what an answering quote holds. `articles` are the ids to ask, none: all.
    """

    id: str
    language: str
    question: str
    paragraphs: tuple[int, ...] = ()
    key: str = ""
    alternatives: tuple[str, ...] = ()
    kind: str = ""
    speaker: str = ""
    articles: tuple[str, ...] = ()
    file: str = ""
    line: int = 0

    @property
    def is_answerable(self) -> bool:
        """Whether the article says it."""
        return bool(self.paragraphs)

    def is_held_by(self, text: str) -> bool:
        """Whether the text holds the key or an alternative, letter forms, case and marks apart."""
        folded = fold(text)
        return any(key and fold(key) in folded for key in (self.key, *self.alternatives))

    @property
    def where(self) -> str:
        """Where it stands, for a message: file and line, or its id where it was not read from a file."""
        return f"{self.file}, line {self.line}" if self.file else f"Question {self.id}"


def read_questions(paths: Sequence[Path]) -> list[Question]:
    """The questions in JSONL files. Raises BadQuestionFile, which names every broken line of all files."""
    questions: list[Question] = []
    problems: list[str] = []
    seen: set[Path] = set()
    for path in paths:
        if path.resolve() in seen:
            problems.append(f"{path} is named twice.")
            continue
        seen.add(path.resolve())
        found, broken = _read_file(path)
        questions += found
        problems += broken
        if not found and not broken:
            problems.append(f"{path} holds no question.")
    raise_for(problems)
    return questions


def assign(
    questions: Iterable[Question],
    entries: Sequence[IndexedArticle],
    article_ids: Sequence[str] = (),
    otherwise: Sequence[str] = (),
) -> list[Question]:
    """The questions with the articles that they are asked of, where their lines name none.

    These are `article_ids`; else the article whose id or file name is that of the question's file; else
    `otherwise`, which may be none: all.
    """
    return [
        question
        if question.articles
        else replace(question, articles=tuple(article_ids or _namesake(question.file, entries) or otherwise))
        for question in questions
    ]


def raise_for(problems: Sequence[str]) -> None:
    """Raise BadQuestionFile if there are problems, each a sentence."""
    if not problems:
        return
    shown = list(problems[:_MOST_PROBLEMS])
    if len(problems) > _MOST_PROBLEMS:
        shown.append(f"… and {len(problems) - _MOST_PROBLEMS} more.")
    raise BadQuestionFile("\n".join(shown), "Nothing was asked. docs/evaluation.md says what a line holds.")


def _namesake(file: str, entries: Sequence[IndexedArticle]) -> list[str]:
    """The id of the one article that has the file's name: as its id, as its file's name, or but for its language."""
    stem = Path(file).stem
    for name in (_id_of, _stem_of, _name_of):
        found = [entry.id for entry in entries if name(entry) == stem]
        if len(found) == 1:
            return found
    return []


def _id_of(entry: IndexedArticle) -> str:
    return entry.id


def _stem_of(entry: IndexedArticle) -> str:
    origin = entry.article.origin
    return PurePosixPath(origin.partition(":")[2] or origin).stem


def _name_of(entry: IndexedArticle) -> str:
    return entry.id.removesuffix(f".{entry.article.language}")


def _read_file(path: Path) -> tuple[list[Question], list[str]]:
    """The questions, and what is wrong with the file or its lines."""
    if not path.exists():
        return [], [f"There is no file at {path}."]
    if not path.is_file():
        return [], [f"{path} is not a file."]
    try:
        lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    except OSError as error:
        return [], [f"{path} cannot be read: {error.strerror}."]
    questions: dict[str, Question] = {}
    problems = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            question = replace(_parse(line), file=str(path), line=number)
        except ValueError as error:
            problems.append(f"{path}, line {number}: {error}.")
            continue
        first = questions.setdefault(question.id, question)
        if first is not question:
            problems.append(f"{path}, line {number}: the id {question.id!r} is taken by line {first.line}.")
    return list(questions.values()), problems


def _parse(line: bytes) -> Question:
    """The question of a line. Raises ValueError that says what is wrong with it."""
    try:
        row = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError("not UTF-8") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error.msg}, column {error.colno})") from error
    except (ValueError, RecursionError) as error:
        raise ValueError("not JSON that can be read") from error
    if not isinstance(row, dict):
        raise ValueError("not a JSON object ({…})")  # noqa: TRY004 - every fault of a line is one of its value
    for name in _FIELDS:
        if name not in row:
            raise ValueError(f"`{name}` is missing")
    question = Question(
        id=_text(row, "id"),
        language=_text(row, "language"),
        question=_text(row, "question"),
        paragraphs=tuple(_items(row, "paragraphs", int)),
        key=_text(row, "key"),
        alternatives=tuple(clean(text) for text in _items(row, "alternatives", str)),
        kind=_text(row, "kind"),
        speaker=_text(row, "speaker"),
        articles=tuple(filter(None, [_text(row, "article")])),
    )
    _check(question)
    return question


def _check(question: Question) -> None:
    if not question.id:
        raise ValueError("`id` is empty")
    if question.language not in languages():
        raise ValueError(f"`language` is {question.language!r}, none of {', '.join(languages())}")
    if not any(unicodedata.category(char)[0] in "LN" for char in question.question):
        raise ValueError("`question` is empty")
    if any(number < 1 for number in question.paragraphs):
        raise ValueError("`paragraphs` counts from 1")
    if question.is_answerable and not all(fold(key) for key in (question.key, *question.alternatives)):
        raise ValueError("`key` or an alternative is empty, and `paragraphs` is not")
    if not question.is_answerable and (question.key or question.alternatives):
        raise ValueError("`paragraphs` is empty, and `key` or `alternatives` is not")


def _text(row: dict[str, Any], name: str) -> str:
    """The field's text; an optional one may be left out or null."""
    value = row.get(name)
    if value is None and name not in _FIELDS:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"`{name}` is not a text")  # noqa: TRY004
    return " ".join(clean(value).split())


def _items(row: dict[str, Any], name: str, kind: type) -> list[Any]:
    """The field's list, whose items are of the kind; an optional one may be left out or null."""
    value = row.get(name)
    if value is None and name not in _FIELDS:
        return []
    if not isinstance(value, list) or any(type(item) is not kind for item in value):
        raise ValueError(f"`{name}` is not a list of {'whole numbers' if kind is int else 'texts'}")
    return value
