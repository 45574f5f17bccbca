"""Which questions lean on the one before them, in nine languages; and sentences that lean on theirs."""

import pytest

from rag.follow_ups import is_follow_up, leans_on_what_precedes, turns_of


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("and when?", "en"), ("What did he write?", "en"), ("Why?", "en"), ("ومتى؟", "ar"), ("ماذا كتب هو؟", "ar"),
        ("А когда?", "ru"), ("Что он написал?", "ru"), ("Et quand ?", "fr"), ("Qu'a-t-il écrit ?", "fr"),
        ("Peki ne zaman?", "tr"), ("O ne yazdı?", "tr"), ("Und wann?", "de"), ("Was schrieb er?", "de"),
        ("¿Y cuándo?", "es"), ("Ал қашан?", "kk"), ("Ол не жазды?", "kk"), ("那什么时候？", "zh"), ("他写了什么？", "zh"),
    ],
)  # fmt: skip
def test_it_leans_on_the_one_before(question: str, language: str) -> None:
    assert is_follow_up(question, language)


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("Why did Tokayev call in the CSTO?", "en"),
        ("كم عدد الجنود الذين وصلوا؟", "ar"),
        ("Сколько солдат прибыло в Казахстан?", "ru"),
        ("Combien de soldats sont arrivés ?", "fr"),
        ("Pourquoi Tokaïev a-t-il appelé l’OTSC ?", "fr"),
        ("Kazakistan'a kaç asker geldi?", "tr"),
        ("Wie viele Soldaten kamen?", "de"),
        ("¿Cuántos soldados llegaron?", "es"),
    ],
)
def test_it_stands_alone(question: str, language: str) -> None:
    assert not is_follow_up(question, language)


@pytest.mark.parametrize(
    ("sentence", "language", "leans"),
    [
        ("It will open again in March.", "en", True),
        ("The bridge will open again in March.", "en", False),
        ("وشمل ذلك جعل اللغة الروسية لغة ثانية.", "ar", True),
        ("Он добавил, что войска уйдут.", "ru", True),
    ],
)
def test_sentences_that_lean(sentence: str, language: str, *, leans: bool) -> None:
    assert leans_on_what_precedes(sentence, language) is leans


def test_the_turns_of_a_conversation_that_a_client_keeps_are_understood_as_if_maqal_kept_it() -> None:
    exchanges = [
        ("  When was\n the CSTO founded? ", "In 1999."),
        ("And who belongs to it?", "Six states."),
        ("", "nothing was asked"),
        ("Why?", "x"),
    ]
    assert [(turn.question, turn.understood_as) for turn in turns_of(exchanges)] == [
        ("When was the CSTO founded?", "When was the CSTO founded?"),
        ("And who belongs to it?", "When was the CSTO founded? And who belongs to it?"),
        ("Why?", "When was the CSTO founded? Why?"),
    ]


def test_a_long_conversation_is_read_from_its_end() -> None:
    turns = turns_of((f"How many soldiers arrived on day {i}?", "x" * 10) for i in range(500))
    assert len(turns) == 50
    assert turns[-1].question == "How many soldiers arrived on day 499?"
