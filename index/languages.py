"""Which language a text is in: by its script, then its stop words, then py3langid."""

import unicodedata
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

from index.normalization import fold
from index.stop_words import stop_words

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

LATIN_LANGUAGES = ("en", "fr", "tr", "de", "es")
_CLEAR_LEAD = 2
_KAZAKH_LETTERS = frozenset("әғқңөұүһі")
_SCRIPTS = {"ARABIC": "ar", "CYRILLIC": "ru", "CJK": "zh"}


def detect_language(text: str, default: str = "en") -> str:
    """ISO 639-1 code of the text: ar, ru, kk, zh, en, fr, tr, de or es; `default` where no letter tells."""
    script = _dominant_script(text)
    if script == "CYRILLIC" and _KAZAKH_LETTERS & set(text.casefold()):
        return "kk"
    if script in _SCRIPTS:
        return _SCRIPTS[script]
    if script == "LATIN":
        return _by_stop_words(text) or str(_latin_identifier().classify(text.casefold())[0])
    return default


def _by_stop_words(text: str) -> str:
    """The language whose stop words clearly lead; py3langid needs 0.6 s to load, and errs on short questions."""
    words = [word.strip(".,;:?!¿¡\"'()") for word in fold(text[:2000]).split()]
    hits = {language: sum(word in stop_words(language) for word in words) for language in LATIN_LANGUAGES}
    (best, most), (_, second) = sorted(hits.items(), key=lambda item: -item[1])[:2]
    return best if most >= _CLEAR_LEAD and most - second >= _CLEAR_LEAD else ""


def _dominant_script(text: str) -> str:
    counts: Counter[str] = Counter()
    for char in text[:2000]:
        if char.isalpha():
            counts[unicodedata.name(char, "?").split(" ", 1)[0]] += 1
    return counts.most_common(1)[0][0] if counts else ""


@cache
def _latin_identifier() -> "LanguageIdentifier":
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(LATIN_LANGUAGES))
    return identifier
