"""Who says it: names by reporting verbs, in four languages; doubtful cases stay the article's own."""

import pytest

from index.readers import read_bundled
from index.sentences import sentence_spans
from rag.speakers import Attribution, attribute

ARTICLE = read_bundled()


def said(sentence: str, language: str, before: str = "") -> Attribution:
    text = f"{before}{sentence}"
    return attribute(text, len(before), len(text), language)


def in_article(beginning: str) -> Attribution:
    start = ARTICLE.text.index(beginning)
    end = start + sentence_spans(ARTICLE.text[start:])[0][1]
    return attribute(ARTICLE.text, start, end, "ar")


class TestBundledArticle:
    @pytest.mark.parametrize(
        ("beginning", "speaker", "is_hedged"),
        [
            ("ادعى رئيس", "رئيس كازاخستان، قاسم جومارت توكاييف", False),
            ("صرَّح الأمين", "الأمين العام لمنظمة معاهدة الأمن الجماعي", False),
            ("وكتب سوشكوف", "سوشكوف", False),
            ("تقول صحيفة", "صحيفة The Guardian البريطانية", True),
            ("وكتبت على تويتر", "رئيسة تحرير محطة التلفزيون الحكومية RT الروسية، مارغريتا سيمونيان", False),
            ("وذكر موقع", "موقع Axios الأمريكي", True),
            ("يقول دميتري", "دميتري ترينين، مدير مركز كارنيغي في موسكو", False),
            ("وكما هو الحال", "ترينين", False),
            ("ونزل المظليون", "", False),
            ("عندما جاء طلب", "", False),
            ("ربما كانت تلك", "", True),
            ("فإذا نجح", "", True),
            ("وقد رحَّبَ", "", False),
        ],
    )
    def test_who_says_it(self, beginning: str, speaker: str, *, is_hedged: bool) -> None:
        assert in_article(beginning) == Attribution(speaker, is_hedged)

    def test_a_speaker_stands_in_the_article_to_the_letter(self) -> None:
        for paragraph in ARTICLE.text.split("\n"):
            start = ARTICLE.text.index(paragraph)
            for a, b in sentence_spans(paragraph):
                assert attribute(ARTICLE.text, start + a, start + b, "ar").speaker in ARTICLE.text

    def test_part_of_a_sentence_is_said_by_who_says_the_sentence(self) -> None:
        start = ARTICLE.text.index("هذه مهمة حساسة")
        assert attribute(ARTICLE.text, start, start + 14, "ar").speaker.startswith("دميتري ترينين")

    @pytest.mark.parametrize(
        ("sentence", "speaker"),
        [
            ("لكن رئيس البلدية، الحبيب المزغني، نفى صحة هذا الرقم.", "رئيس البلدية، الحبيب المزغني"),
            ("لكن بيتروفيتش أقرّ بأن فريقه قد يستفيد.", "بيتروفيتش"),
            ("وقال المزغني للصحفيين إن العقد لا ينص على ذلك.", "المزغني"),
            ("أشاد البعض بالقرار، فيما رفض سوشكوف المقارنات.", ""),
        ],
    )
    def test_orders_of_words(self, sentence: str, speaker: str) -> None:
        assert said(sentence, "ar").speaker == speaker

    def test_two_voices_in_one_quote_are_nobodys(self) -> None:
        start = ARTICLE.text.index("ادعى رئيس")
        end = ARTICLE.text.index("\n", start)
        assert attribute(ARTICLE.text, start, end, "ar").speaker == ""


class TestLanguages:
    @pytest.mark.parametrize(
        ("sentence", "language", "speaker"),
        [
            ("“We must help,” said Margarita Simonyan, editor-in-chief of RT.", "en",
             "Margarita Simonyan, editor-in-chief of RT"),
            ("Dmitri Trenin, director of the Carnegie Moscow Center, said it was delicate.", "en",
             "Dmitri Trenin, director of the Carnegie Moscow Center"),
            ("On Tuesday, Prime Minister Rishi Sunak announced a review.", "en", "Prime Minister Rishi Sunak"),
            ("According to Axios, the troops left.", "en", "Axios"),
            ("Fire chief Anna Berg told reporters that it began in a kitchen.", "en", "Fire chief Anna Berg"),
            ("Police said on Monday that two people died.", "en", "Police"),
            ("The town was quiet.", "en", ""),
            ("“He said no,” the sign read.", "en", ""),
            ("«Мы поможем», — заявил президент Касым-Жомарт Токаев.", "ru", "президент Касым-Жомарт Токаев"),
            ("По словам Дмитрия Тренина, миссия сложная.", "ru", "Дмитрия Тренина"),
            ("Министр обороны Сергей Шойгу сообщил о потерях.", "ru", "Министр обороны Сергей Шойгу"),
            ("Войска ушли.", "ru", ""),
            ("« Nous aiderons », a déclaré Emmanuel Macron.", "fr", "Emmanuel Macron"),
            ("Selon Marie Dupont, le pont rouvrira.", "fr", "Marie Dupont"),
            ("Jean Martin affirme que non.", "fr", "Jean Martin"),
            ("Der Minister sagte nichts.", "de", ""),
        ],
    )  # fmt: skip
    def test_who_says_it(self, sentence: str, language: str, speaker: str) -> None:
        assert said(sentence, language).speaker == speaker

    @pytest.mark.parametrize(
        ("before", "sentence", "language", "speaker"),
        [
            ("Anna Berg said the fire was out. ", "She added that two people died.", "en", "Anna Berg"),
            ("Anna Berg said the fire was out.\n\n", "She added that two people died.", "en", "Anna Berg"),
            ("Jean Martin affirme que non. ", "Il a ajouté que rien ne presse.", "fr", "Jean Martin"),
            ("Сергей Шойгу сообщил о потерях. ", "Он добавил, что войска уйдут.", "ru", "Сергей Шойгу"),
            (
                "Anna Berg, head of the office, left early. ",
                "She said that it was late.",
                "en",
                "Anna Berg, head of the office",
            ),
            ("Jean Martin est parti. ", "« Non », a-t-il averti.", "fr", "Jean Martin"),
            ("The fire was out. ", "She added that two people died.", "en", ""),
        ],
    )
    def test_a_pronoun_goes_on_with_the_speaker_before(
        self, before: str, sentence: str, language: str, speaker: str
    ) -> None:
        assert said(sentence, language, before).speaker == speaker

    @pytest.mark.parametrize(
        ("sentence", "language", "is_hedged"),
        [
            ("The bridge may reopen.", "en", True),
            ("The bridge reopened in May.", "en", False),
            ("Возможно, мост откроют.", "ru", True),
            ("Le pont pourrait rouvrir.", "fr", True),
            ("قد يكون ذلك كثيراً.", "ar", True),
            ("وقد رحب بذلك كثيرون.", "ar", False),
        ],
    )
    def test_what_is_put_as_uncertain(self, sentence: str, language: str, *, is_hedged: bool) -> None:
        assert said(sentence, language).is_hedged == is_hedged
