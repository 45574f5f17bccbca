"""Facts: what an article holds of people, numbers, dates and places, against lists written by hand."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.articles import Article, IndexedArticle
from index.readers import read_bundled, read_text
from index.settings import IndexSettings
from rag.facts import Facts, Mention, facts_of
from rag.facts.dates import find_dates
from rag.facts.numbers import find_numbers
from rag.facts.people import find_people
from rag.facts.places import find_places
from tests.conftest import BUNDLED_ID

PUBLISHED = date(2022, 1, 7)


@dataclass(frozen=True)
class Expected:
    """What a careful reader finds: `name | role | paragraphs`, `letters | value | unit | §`, `letters | iso | §`,
    `name | country | paragraphs`; a paragraph stands as often as the name in it."""

    people: str
    numbers: str
    dates: str
    places: str


def facts(article: Article) -> Facts:
    return facts_of(IndexedArticle("an-article", 1, "2022-01-07T00:00:00Z", article))


def article(text: str, language: str, published: date | None = PUBLISHED) -> Article:
    return replace(read_text(text, origin="upload:a", published=published), language=language)


def rows(table: str) -> Counter[tuple[str, ...]]:
    return Counter(tuple(cell.strip() for cell in line.split("|")) for line in table.strip().splitlines())


def spread(table: str) -> Counter[tuple[str, ...]]:
    """A row for each mention: of `name | … | 1, 2` two rows."""
    return Counter((*row[:-1], p.strip()) for row in rows(table) for p in row[-1].split(","))


def written(found: Facts) -> dict[str, Counter[tuple[str, ...]]]:
    """The facts found, as rows of `Expected`."""
    return {
        "people": Counter(
            (p.name.text, p.role.text if p.role else "", str(m.paragraph)) for p in found.people for m in p.mentions
        ),
        "numbers": Counter(
            (
                n.text,
                str(n.value) + (f":{n.second}" if n.second is not None else ""),
                n.unit.text if n.unit else "",
                str(n.paragraph),
            )
            for n in found.numbers
        ),
        "dates": Counter((d.text, d.iso or "", str(d.paragraph)) for d in found.dates),
        "places": Counter((p.name.text, p.country or "", str(m.paragraph)) for p in found.places for m in p.mentions),
    }


def measure(found: Facts, expected: Expected) -> dict[str, tuple[float, float]]:
    """Precision and recall of each kind; a mention is right when its letters, value and paragraph all are."""
    figures = {}
    for kind, got in written(found).items():
        table = getattr(expected, kind)
        wanted = spread(table) if kind in {"people", "places"} else rows(table)
        right = (got & wanted).total()
        figures[kind] = (right / got.total(), right / wanted.total())
        print(kind, figures[kind], "wrong:", dict(got - wanted), "missing:", dict(wanted - got))
    return figures


def mentions(found: Facts) -> Iterable[Mention]:
    for person in found.people:
        yield from (person.name, *person.mentions, *([person.role] if person.role else []))
    for number in found.numbers:
        yield from (number, *([number.unit] if number.unit else []))
    yield from found.dates
    for place in found.places:
        yield from (place.name, *place.mentions)


BUNDLED = Expected(
    people="""
        قاسم جومارت توكاييف | رئيس كازاخستان | 4, 4, 11, 13
        مكسيم سوشكوف | مدير معهد الدراسات الدولية في معهد موسكو الحكومي للعلاقات الدولية | 6, 7
        ألكسندر لوكاشينك | الديكتاتور المُحاصَر | 8, 20
        فلاديمير بوتين | | 8, 9, 17, 19, 20
        نور سلطان نزارباييف | للرئيس السابق | 10
        مارغريتا سيمونيان | رئيسة تحرير محطة التلفزيون الحكومية RT الروسية | 11
        دميتري ترينين | مدير مركز كارنيغي في موسكو | 18, 20
    """,
    numbers="""
        2500 | 2500 | جندي | 2
        2500 | 2500 | | 5
        2 إلى 1 | 2:1 | | 18
    """,
    dates="""
        عام 1968 | 1968 | 1
        يوم الخميس، 6 يناير/كانون الثاني | 2022-01-06 | 1
        عام 1968 | 1968 | 1
        عام 1956 | 1956 | 1
        الخميس | 2022-01-06 | 2
        عام 1999 | 1999 | 3
        الخميس | 2022-01-06 | 4
        يوم الأربعاء، 5 يناير/كانون الثاني | 2022-01-05 | 11
        10 يناير/كانون الثاني | 2022-01-10 | 14
        12 يناير/كانون الثاني | 2022-01-12 | 14
        13 يناير/كانون الثاني | 2022-01-13 | 14
        الأسبوع المقبل | 2022-W02 | 15
    """,
    places="""
        الاتحاد السوفييتي | | 1
        براغ | | 1
        التشيك | CZ | 1
        روسيا | RU | 1, 2, 6, 12, 14, 15, 16, 18, 18, 18
        كازاخستان | KZ | 1, 2, 2, 4, 4, 7, 9, 10, 11, 15, 16, 19
        أرمينيا | AM | 2
        بيلاروسيا | BY | 2, 8, 20
        قرغيزستان | KG | 2
        طاجيكستان | TJ | 2
        موسكو | | 6, 7, 8, 9, 11, 13, 13, 15, 18, 20
        شبه جزيرة القرم | | 12
        جنيف | | 14
        آسيا الوسطى | | 16
        أوكرانيا | UA | 17
        الصين | CN | 19
    """,
)

ENGLISH = """Floods cut off three villages in northern Slovenia on Tuesday after the Savinja river rose by 2.4 metres in a night. More than 1,200 people were taken to safety, and two farmers are missing.

"We have not seen such water since 1990," said Mayor Tanja Kovac of Mozirje. Prime Minister Marko Zupan flew to the region from Ljubljana and promised €40 million for repairs.

Irena Novak, a hydrologist at the University of Ljubljana, said 85% of the gauges had failed by noon. Kovac disagreed: the gauges worked, she said, but nobody in the Ministry of the Environment read them.

Austria and Italy sent 150 firefighters and 12 helicopters. A third group, of 20 to 25 divers, is due to arrive from Croatia on Friday.

Parliament will discuss the damage on 14 January. A similar flood in November 2012 cost the country 310 million euros, and voters backed a dam by 3 to 1 a year later. Zupan said the dam would be ready in 2027.
"""

ENGLISH_EXPECTED = Expected(
    people="""
        Tanja Kovac | Mayor | 2, 3
        Marko Zupan | Prime Minister | 2, 5
        Irena Novak | hydrologist at the University of Ljubljana | 3
    """,
    numbers="""
        three | 3 | villages | 1
        2.4 | 2.4 | metres | 1
        1,200 | 1200 | people | 1
        two | 2 | farmers | 1
        40 million | 40000000 | € | 2
        85 | 85 | % | 3
        150 | 150 | firefighters | 4
        12 | 12 | helicopters | 4
        20 to 25 | 20:25 | divers | 4
        310 million | 310000000 | euros | 5
        3 to 1 | 3:1 | | 5
    """,
    dates="""
        Tuesday | 2022-01-04 | 1
        1990 | 1990 | 2
        Friday | | 4
        14 January | 2022-01-14 | 5
        November 2012 | 2012-11 | 5
        2027 | 2027 | 5
    """,
    places="""
        Slovenia | SI | 1
        Ljubljana | | 2
        Mozirje | | 2
        Austria | AT | 4
        Italy | IT | 4
        Croatia | HR | 4
    """,
)

RUSSIAN = """В среду в Томске загорелся краеведческий музей. Огонь уничтожил около 300 экспонатов, среди них 12 картин XIX века. Пострадали два человека.

Директор музея Лариса Белова сообщила, что ущерб превысил 45 млн рублей. По словам Беловой, сигнализация молчала 20 минут.

«Мы просили новую проводку с 2015 года», – рассказал главный инженер Павел Гринько. Министр культуры области Олег Сомов пообещал Гринько и его коллегам помощь.

Из Новосибирска приехали 60 пожарных и 14 машин. Экспонаты временно примут музеи Казахстана и Китая, заявил Сомов.

Похожий пожар случился 3 марта 2009 года: тогда сгорело 5 % фонда. В прошлом году музей посетили 120 тысяч человек. Открыть его снова планируют в мае.
"""

RUSSIAN_EXPECTED = Expected(
    people="""
        Лариса Белова | Директор музея | 2, 2
        Павел Гринько | главный инженер | 3, 3
        Олег Сомов | Министр культуры области | 3, 4
    """,
    numbers="""
        300 | 300 | экспонатов | 1
        12 | 12 | картин | 1
        два | 2 | человека | 1
        45 млн | 45000000 | рублей | 2
        20 | 20 | минут | 2
        60 | 60 | пожарных | 4
        14 | 14 | машин | 4
        5 | 5 | % | 5
        120 тысяч | 120000 | человек | 5
    """,
    dates="""
        среду | 2022-01-05 | 1
        2015 года | 2015 | 3
        3 марта 2009 года | 2009-03-03 | 5
        прошлом году | 2021 | 5
        мае | 2022-05 | 5
    """,
    places="""
        Томске | | 1
        Новосибирска | | 4
        Казахстана | KZ | 4
        Китая | CN | 4
    """,
)

FRENCH = """Les dockers de Marseille ont cessé le travail jeudi. Selon la préfecture, 2 300 personnes ont défilé ; les syndicats en ont compté deux fois plus. Sept navires attendent au large.

« Personne ne nous écoute depuis 2019 », a déclaré Nadia Ferrand, porte-parole des grévistes. Le ministre des Transports, Luc Harnois, a promis une réponse avant le 20 janvier.

Le directeur du port Alain Mercier chiffre les pertes à 1,5 million d’euros par jour. Ferrand conteste ce calcul. D’après Mercier, 30 % des conteneurs venus d’Italie et de Tunisie sont bloqués.

La grève de mars 2010 avait duré 18 jours. L’an dernier, le port a reçu 75 000 camions. Mme Ferrand doit rencontrer le ministre à Paris lundi.
"""

FRENCH_EXPECTED = Expected(
    people="""
        Nadia Ferrand | porte-parole des grévistes | 2, 3, 4
        Luc Harnois | ministre des Transports | 2
        Alain Mercier | directeur du port | 3, 3
    """,
    numbers="""
        2 300 | 2300 | personnes | 1
        Sept | 7 | navires | 1
        1,5 million | 1500000 | euros | 3
        30 | 30 | % | 3
        18 | 18 | jours | 4
        75 000 | 75000 | camions | 4
    """,
    dates="""
        jeudi | 2022-01-06 | 1
        2019 | 2019 | 2
        20 janvier | 2022-01-20 | 2
        mars 2010 | 2010-03 | 4
        L’an dernier | 2021 | 4
        lundi | | 4
    """,
    places="""
        Marseille | | 1
        Italie | IT | 3
        Tunisie | TN | 3
        Paris | | 4
    """,
)

ARABIC = """أغلقت السلطات الأردنية ميناء العقبة يوم الثلاثاء بعد عاصفة رملية ضربت جنوب الأردن. وقال وزير النقل سليمان الحديد إن 14 سفينة تنتظر في البحر، وإن الخسائر بلغت 3.5 مليون دولار.

ونقلت سيارات الإسعاف 120 شخصا إلى المستشفيات، بينهم تسعة أطفال. وأضافت هالة منصور، مديرة مستشفى المدينة، أن 70% من المصابين غادروا صباح الأربعاء.

وذكر الحديد أن العاصفة هي الأشد منذ عام 2004. وأرسلت مصر والسعودية 45 طبيبا، بينما عرضت تركيا طائرتين.

ومن المقرر أن يفتح الميناء في 10 كانون الثاني/يناير. وكانت منصور قد طلبت ألفي جرعة من الأكسجين في ديسمبر الماضي، ولم يصل منها سوى ٣٠٠ جرعة.
"""

ARABIC_EXPECTED = Expected(
    people="""
        سليمان الحديد | وزير النقل | 1, 3
        هالة منصور | مديرة مستشفى المدينة | 2, 4
    """,
    numbers="""
        14 | 14 | سفينة | 1
        3.5 مليون | 3500000 | دولار | 1
        120 | 120 | شخصا | 2
        تسعة | 9 | أطفال | 2
        70 | 70 | % | 2
        45 | 45 | طبيبا | 3
        ألفي | 2000 | جرعة | 4
        ٣٠٠ | 300 | جرعة | 4
    """,
    dates="""
        يوم الثلاثاء | 2022-01-04 | 1
        الأربعاء | 2022-01-05 | 2
        عام 2004 | 2004 | 3
        10 كانون الثاني/يناير | 2022-01-10 | 4
        ديسمبر الماضي | 2021-12 | 4
    """,
    places="""
        العقبة | | 1
        الأردن | JO | 1
        مصر | EG | 3
        السعودية | SA | 3
        تركيا | TR | 3
    """,
)


# Of each kind (precision, recall); what is missing are two towns that no list of places has.
FLOORS = {
    "ar, bundled": (BUNDLED, None, {}),
    "en": (ENGLISH_EXPECTED, ENGLISH, {"places": (1.0, 0.8)}),
    "ru": (RUSSIAN_EXPECTED, RUSSIAN, {}),
    "fr": (FRENCH_EXPECTED, FRENCH, {}),
    "ar": (ARABIC_EXPECTED, ARABIC, {"places": (1.0, 0.8)}),
}


@pytest.mark.parametrize("name", FLOORS)
def test_precision_and_recall(name: str) -> None:
    expected, text, lower = FLOORS[name]
    read = replace(read_bundled(), published=PUBLISHED) if text is None else article(text, name)
    found = facts(read)
    for kind, (precision, recall) in measure(found, expected).items():
        least = lower.get(kind, (1.0, 1.0))
        assert (precision, recall) >= least, kind
        assert recall >= least[1], kind


def test_without_a_day_of_publication_no_year_is_guessed() -> None:
    found = facts(read_bundled())
    assert read_bundled().published is None
    settled = {d.text for d in found.dates if d.iso}
    assert settled == {"عام 1968", "عام 1956", "عام 1999"}
    assert len(found.dates) == 12


@pytest.mark.parametrize("name", FLOORS)
def test_every_fact_is_letters_of_the_article(name: str) -> None:
    _, text, _ = FLOORS[name]
    read = read_bundled() if text is None else article(text, name)
    paragraphs = {p.number: p for p in read.body}
    count = 0
    for mention in mentions(facts(read)):
        assert mention.text == read.text[mention.start : mention.end]
        paragraph = paragraphs[mention.paragraph]
        assert paragraph.start <= mention.start < mention.end <= paragraph.end
        count += 1
    assert count > 20


PIECES = st.lists(
    st.sampled_from(
        [
            *(ENGLISH + RUSSIAN + FRENCH + ARABIC).split(),
            "ـ",
            "\u064b",
            "½",
            "\u2068",
            "£30m",
            "0,1",
            "-5",
            "12–",
            "٢٥٠٠",
            "«",
            "2 к",
            "👍",
            "İ",
            "ﬁ",
        ]
    ),
    min_size=1,
    max_size=25,
)


@given(pieces=PIECES, language=st.sampled_from(["ar", "en", "ru", "fr", "de", "es", "tr", "kk", "zh", "xx"]))
@settings(max_examples=300, deadline=None)
def test_any_text_gives_spans_of_itself(pieces: list[str], language: str) -> None:
    text = " ".join(pieces)
    dates = find_dates(text, language, PUBLISHED)
    numbers = find_numbers(text, language, [(d.start, d.end) for d in dates])
    people = find_people([text], language)
    spans = (
        [(d.start, d.end) for d in dates] + [(n.start, n.end) for n in numbers] + [n.unit for n in numbers if n.unit]
    )
    spans += [(p.start, p.end) for p in find_places(text, language)] + [m[1:] for p in people for m in p.mentions]
    for start, end in spans:
        assert 0 <= start < end <= len(text)
        assert text[start:end].strip() == text[start:end]
    for first in dates:
        assert not any(first.start < n.end and n.start < first.end for n in numbers)


class TestNumbers:
    @pytest.mark.parametrize(
        ("text", "language", "value", "unit"),
        [
            ("2,500 Russian soldiers arrived", "en", 2500, "Russian soldiers"),
            ("about 2.5 million people left", "en", 2_500_000, "people"),
            ("a deal of £30m", "en", 30_000_000, "£"),
            ("It ran 10km", "en", 10, "km"),
            ("٢٥٠٠ جندي", "ar", 2500, "جندي"),
            ("و٢٫٥ مليون نسمة", "ar", 2_500_000, "نسمة"),
            ("عشرة آلاف لاجئ", "ar", 10_000, "لاجئ"),
            ("12 тысяч российских военнослужащих", "ru", 12_000, "российских военнослужащих"),
            ("2,5 млн долларов", "ru", 2_500_000, "долларов"),
            ("2 500 soldats", "fr", 2500, "soldats"),
            ("1,5 milliard d’euros", "fr", 1_500_000_000, "euros"),
            ("2.500 Soldaten", "de", 2500, None),
            ("2,5 millones", "es", 2_500_000, None),
            ("2500名士兵", "zh", 2500, None),
            ("250万人", "zh", 2_500_000, None),
        ],
    )
    def test_value_and_unit(self, text: str, language: str, value: float, unit: str | None) -> None:
        (number,) = find_numbers(text, language)
        assert number.value == value
        assert (text[slice(*number.unit)] if number.unit else None) == unit

    @pytest.mark.parametrize(
        ("text", "language"),
        [
            ("The G7 and the F-16", "en"),
            ("He won 2-1 at 10:30", "en"),
            ("the 7th man, section 5", "en"),
            ("In 1047 he came", "en"),
            ("The two left", "en"),
            ("twenty five people", "en"),
            ("2.500 جندي", "ar"),
            ("1.234 человека", "ru"),
            ("С-300 и 21-й", "ru"),
            ("в 8 часов", "ru"),
            ("deux mille cinq cents personnes", "fr"),
            ("كمية كافية", "ar"),
        ],
    )
    def test_what_is_no_count_or_has_two_readings_is_left_out(self, text: str, language: str) -> None:
        assert find_numbers(text, language) == []

    @pytest.mark.parametrize(
        ("text", "language", "kind", "values"),
        [
            ("by 2 to 1", "en", "ratio", (2, 1)),
            ("بهامش 2 إلى 1", "ar", "ratio", (2, 1)),
            ("2 к 1", "ru", "ratio", (2, 1)),
            ("à 2 contre 1", "fr", "ratio", (2, 1)),
            ("10–15 houses", "en", "range", (10, 15)),
            ("3-5 million people", "en", "range", (3_000_000, 5_000_000)),
        ],
    )
    def test_ratios_and_ranges(self, text: str, language: str, kind: str, values: tuple[int, int]) -> None:
        (number,) = find_numbers(text, language)
        assert (number.kind, (number.value, number.second)) == (kind, values)


class TestDates:
    @pytest.mark.parametrize(
        ("text", "language", "iso"),
        [
            ("Troops left on Thursday.", "en", "2022-01-06"),
            ("She said Thursday that talks will begin.", "en", "2022-01-06"),
            ("Talks will begin on Thursday.", "en", None),
            ("last Thursday", "en", None),
            ("It will open in March.", "en", "2022-03"),
            ("It was opened in March.", "en", None),
            ("January 10", "en", "2022-01-10"),
            ("10 July", "en", None),
            ("Friday, July 8", "en", "2022-07-08"),
            ("Monday, July 5", "en", "2021-07-05"),
            ("01/02/2022", "en", None),
            ("13/02/2022", "en", "2022-02-13"),
            ("next week", "en", "2022-W02"),
            ("10-12 January", "en", "2022-01-10/2022-01-12"),
            ("в четверг", "ru", "2022-01-06"),
            ("в мае 2020 года", "ru", "2020-05"),
            ("06.01.2022", "ru", "2022-01-06"),
            ("Jeudi, il a dit oui.", "fr", "2022-01-06"),
            ("le 1er janvier", "fr", "2022-01-01"),
            ("lundi prochain", "fr", "2022-01-10"),
            ("٦ كانون الثاني ٢٠٢٢", "ar", "2022-01-06"),
            ("في كانون الأول/ديسمبر 2021", "ar", "2021-12"),
            ("العام الماضي", "ar", "2021"),
            ("am 6. Januar 2022", "de", "2022-01-06"),
            ("el 6 de enero de 2022", "es", "2022-01-06"),
            ("6 Ocak 2022", "tr", "2022-01-06"),
            ("2022年1月6日", "zh", "2022-01-06"),
        ],
    )
    def test_resolved_or_left_open(self, text: str, language: str, iso: str | None) -> None:
        (found,) = find_dates(text, language, PUBLISHED)
        assert found.iso == iso

    @pytest.mark.parametrize(
        ("text", "language"),
        [
            ("Every Thursday they may march.", "en"),
            ("31 June 2020", "en"),
            ("6 يناير/شباط", "ar"),
            ("وصل الاثنين معا", "ar"),
            ("Plus de 2000 personnes", "fr"),
            ("среда обитания", "ru"),
        ],
    )
    def test_what_is_no_date(self, text: str, language: str) -> None:
        assert find_dates(text, language, PUBLISHED) == []


class TestPeopleAndPlaces:
    @pytest.mark.parametrize(
        ("text", "language"),
        [
            ("The White House and the Bank of England said no. Human Rights Watch agreed.", "en"),
            ("Совет Европы и Красная площадь. Семья Отвиля.", "ru"),
            ("La Maison Blanche a refusé. Le Monde Diplomatique aussi.", "fr"),
            ("أحمد وصل إلى البيت على عجل، وقال وزير الخارجية، خلال زيارة قصيرة، إن الأمر سهل.", "ar"),
        ],
    )
    def test_capitals_or_commas_alone_are_nobody(self, text: str, language: str) -> None:
        assert find_people([text], language) == []

    def test_a_surname_alone_belongs_to_one_person_only(self) -> None:
        texts = ["Mayor Anna Weber met Peter Weber.", "Weber left."]
        found = find_people(texts, "en")
        assert [len(person.mentions) for person in found] == [1, 1]
        (anna,) = find_people([texts[0].replace(" met Peter Weber", ""), "Weber left. Weber Street is closed."], "en")
        assert anna.mentions == [(0, 6, 16), (1, 0, 5)]

    def test_spellings_and_cases_of_one_name_are_one_person(self) -> None:
        (lukashenko,) = find_people(["رحب ألكسندر لوكاشينك في مينسك.", "زار ألكسندر لوكاشينكو موسكو."], "ar")
        assert len(lukashenko.mentions) == 2
        (tokayev,) = find_people(["Президент Касым-Жомарт Токаев молчит.", "О плане Токаева, с Токаевым"], "ru")
        assert len(tokayev.mentions) == 3

    @pytest.mark.parametrize(
        ("text", "language", "places"),
        [
            ("The Carnegie Moscow Center works in Moscow.", "en", [("Moscow", None)]),
            ("Michael Jordan flew to Jordan with us from the US.", "en", [("Jordan", "JO"), ("US", "US")]),
            ("A fire in the village of Burow in Georgia", "en", [("Burow", None), ("Georgia", None)]),
            ("معهد موسكو في موسكو، وحلف وارسو", "ar", [("موسكو", None)]),
            ("ذهب إلى الصين ولروسيا", "ar", [("الصين", "CN"), ("روسيا", "RU")]),
            ("Из Белоруссии в Соединенные Штаты", "ru", [("Белоруссии", "BY"), ("Соединенные Штаты", "US")]),
            ("Того не было.", "ru", []),
            ("De l’Arménie aux États-Unis", "fr", [("Arménie", "AM"), ("États-Unis", "US")]),
        ],
    )
    def test_places(self, text: str, language: str, places: list[tuple[str, str | None]]) -> None:
        assert [(text[p.start : p.end], p.country) for p in find_places(text, language)] == places


def test_the_command(index_settings: IndexSettings) -> None:
    command = [str(Path(sys.executable).with_name("maqal")), "facts"]
    shown = subprocess.run([*command, "--article", BUNDLED_ID], capture_output=True, text=True, check=True, timeout=120)
    lines = shown.stdout.splitlines()
    assert [line for line in lines if not line.startswith("  ")] == [BUNDLED_ID, "People", "Numbers", "Dates", "Places"]
    assert "  §2  \u2068" + "2500\u2069 \u2068جندي\u2069 = 2,500" in lines
    assert "  §8, §20  \u2068ألكسندر لوكاشينك\u2069 – \u2068الديكتاتور المُحاصَر\u2069" in lines
    as_json = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True, timeout=120)
    (found,) = json.loads(as_json.stdout)
    assert Facts.model_validate(found) == facts_of(IndexedArticle(BUNDLED_ID, 1, "", read_bundled()))
    unknown = subprocess.run([*command, "-a", "nothing"], capture_output=True, text=True, check=False, timeout=120)
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert unknown.stderr.startswith("Error: ")
