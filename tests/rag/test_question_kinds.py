"""What a question asks for, its parts, and whether a sentence gives it; in nine languages."""

import pytest

from rag.question_kinds import gives, kind_of, split_question


@pytest.mark.parametrize(
    ("question", "language", "kind"),
    [
        ("How many soldiers arrived?", "en", "how_many"),
        ("When was it founded?", "en", "when"),
        ("Where do they meet?", "en", "where"),
        ("How long did the meeting last?", "en", "how_long"),
        ("How far is the next town?", "en", "how_far"),
        ("What would it cost to rebuild it?", "en", "how_much"),
        ("How much water is left?", "en", "how_many"),
        ("Who decided?", "en", "who"),
        ("Why did he resign?", "en", "why"),
        ("What did the mayor say?", "en", "said"),
        ("Did the mayor say how many people died?", "en", "yes_no"),
        ("What is the plan?", "en", "what"),
        ("كم عدد القتلى؟", "ar", "how_many"),
        ("كم يستغرق الاجتماع؟", "ar", "how_long"),
        ("ما سعر الخبز؟", "ar", "how_much"),
        ("متى بدأ الحريق؟", "ar", "when"),
        ("من اتخذ القرار؟", "ar", "who"),
        ("ماذا قال الوزير؟", "ar", "said"),
        ("هل استقال الوزير؟", "ar", "yes_no"),
        ("لماذا استقال؟", "ar", "why"),
        ("Сколько людей погибло?", "ru", "how_many"),
        ("Поддержал ли министр решение?", "ru", "yes_no"),
        ("Сколько времени длился пожар?", "ru", "how_long"),
        ("Combien de temps faut-il ?", "fr", "how_long"),
        ("Combien de morts ?", "fr", "how_many"),
        ("Où se trouve l’usine ?", "fr", "where"),
        ("Kaç kişi öldü?", "tr", "how_many"),
        ("Kaç gün sürdü?", "tr", "how_long"),
        ("Ne zaman başladı?", "tr", "when"),
        ("Wann begann der Streik?", "de", "when"),
        ("¿Por qué dimitió?", "es", "why"),
        ("Неге кетті?", "kk", "why"),
        ("什么时候开始？", "zh", "when"),
    ],
)
def test_kinds(question: str, language: str, kind: str) -> None:
    assert kind_of(question, language) == kind


@pytest.mark.parametrize(
    ("question", "language", "parts"),
    [
        ("When did they arrive, and who leads them?", "en", ["When did they arrive", "who leads them?"]),
        ("متى وصلت القوات وكم عددها؟", "ar", ["متى وصلت القوات", "كم عددها؟"]),
        ("Когда прибыли войска и сколько их?", "ru", ["Когда прибыли войска", "сколько их?"]),
        ("Who and when founded it?", "en", ["Who and when founded it?"]),
        ("What do Russia and China want?", "en", ["What do Russia and China want?"]),
    ],
)
def test_parts_of_a_double_question(question: str, language: str, parts: list[str]) -> None:
    assert split_question(question, language) == parts


@pytest.mark.parametrize(
    ("kind", "text", "language", "given"),
    [
        ("how_many", "وصل 2500 جندي", "ar", True),
        ("how_many", "في 10 يناير/كانون الثاني 2022", "ar", False),
        ("how_many", "Some 640 houses were flooded.", "en", True),
        ("how_many", "It opened on 3 May 1987.", "en", False),
        ("how_long", "دام الاجتماع ساعتين", "ar", True),
        ("how_long", "Заседание шло пять часов.", "ru", True),
        ("how_long", "The meeting began.", "en", False),
        ("how_long", "Some 640 houses were flooded.", "en", None),
        ("how_far", "The water rose by 60 centimetres.", "en", True),
        ("how_far", "يبعد المصنع 700 متر عن الشاطئ", "ar", True),
        ("how_much", "The work would cost £3.4 million.", "en", True),
        ("how_much", "يبلغ السعر 8 دنانير", "ar", True),
        ("how_much", "The work was put off.", "en", False),
        ("when", "منذ تأسيسها في عام 1999", "ar", True),
        ("when", "Мост закрыли.", "ru", False),
        ("why", "لأنه لا يثق بقواته", "ar", True),
        ("why", "It failed because of the rain.", "en", True),
        ("who", "Anna Berg decided.", "en", None),
    ],
)
def test_what_a_sentence_gives(kind: str, text: str, language: str, *, given: bool | None) -> None:
    assert gives(kind, text, language) is given  # type: ignore[arg-type]
