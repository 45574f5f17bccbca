"""The chat engine without a language model: answers, refusals, conversations, bad questions."""

import sqlite3
from pathlib import Path

import pytest

from index.exceptions import DataDirectoryError, UnknownArticle
from index.ingestion import add_article, remove_article
from index.readers import read_text
from rag.answers import Answer, Quote, Status, Token
from rag.chat_engine import ChatEngine
from rag.exceptions import BadConversationId, BadQuestion, NothingIndexed
from rag.follow_ups import is_follow_up
from rag.memory import Conversations, Turn
from rag.phrases import languages, phrase
from tests.conftest import BUNDLED_ID


class TestAnswers:
    def test_sentences_verbatim_with_paragraph_and_source(self, engine: ChatEngine) -> None:
        answer = engine.ask("How many soldiers arrived in Kazakhstan?")
        text = engine.index.articles()[0].article.text
        assert answer.verdict == "answered"
        assert answer.model == "extractive"
        assert next((q.article_id, q.version, q.paragraph) for q in answer.quotes) == (BUNDLED_ID, 1, 2)
        assert all(text[q.start : q.end] == q.text for q in answer.quotes)
        assert [q.score for q in answer.quotes] == sorted((q.score for q in answer.quotes), reverse=True)
        assert answer.sources[0].paragraph == 2
        assert answer.text.startswith("The article says (§2):\n\u2068")

    def test_headings_and_captions_never_answer(self, engine: ChatEngine) -> None:
        article = engine.index.articles()[0].article
        others = {article.text_of(p) for p in article.paragraphs if p.kind != "body"}
        for question in ("كازاخستان روسيا", "لا توجد خدمات مجّانية يقدمها بوتين لحلفائه", "عربي بوست"):
            answer = engine.ask(question)
            assert not others & {q.text for q in answer.quotes}
            assert all(source.text not in others for source in answer.sources + answer.closest)

    def test_not_in_article_names_the_closest_paragraphs(self, engine: ChatEngine) -> None:
        answer = engine.ask("Who won the World Cup?")
        assert answer.verdict == "not_in_article"
        assert answer.quotes == answer.sources == []
        assert len(answer.closest) == 3
        assert answer.text.startswith("The article does not say. Closest paragraphs: §")

    @pytest.mark.parametrize("language", languages())
    def test_the_frame_is_in_the_language_asked_for(self, engine: ChatEngine, language: str) -> None:
        answer = engine.ask("How many soldiers arrived in Kazakhstan?", language=language)
        assert answer.language == language
        assert answer.text.startswith(phrase("says", language, place="§2"))

    def test_events_are_quotes_then_text_then_answer(self, engine: ChatEngine) -> None:
        *others, answer = engine.stream("How many soldiers arrived in Kazakhstan?")
        assert isinstance(answer, Answer)
        assert [type(e) for e in others] == [Status] + [Quote] * len(answer.quotes) + [Token]
        assert "".join(e.text for e in others if isinstance(e, Token)) == answer.text

    def test_one_article_of_several(self, engine: ChatEngine) -> None:
        fire = add_article(engine.index, read_text("Fire\n\nTwo soldiers died in Almaty.", origin="/fire.txt")).entry
        assert engine.ask("How many soldiers?", article_ids=[fire.id]).quotes[0].article_id == fire.id
        assert engine.ask("How many soldiers?", article_ids=[BUNDLED_ID]).quotes[0].article_id == BUNDLED_ID

    def test_among_several_articles_the_answer_names_its_own(self, engine: ChatEngine) -> None:
        add_article(engine.index, read_text("Fire\n\nTwo soldiers died in Almaty.", origin="/fire.txt"))
        assert engine.ask("Who died in Almaty?").text.startswith("The article says (§1 \u2068fire\u2069):\n")
        assert "(§1):" in engine.ask("Who died in Almaty?", article_ids=["fire"]).text

    def test_an_article_of_one_paragraph(self, engine: ChatEngine) -> None:
        remove_article(engine.index, BUNDLED_ID)
        add_article(engine.index, read_text("Two soldiers died in Almaty on Monday.", origin="/fire.txt"))
        answer = engine.ask("When did the soldiers die in Almaty?")
        assert [q.text for q in answer.quotes] == ["Two soldiers died in Almaty on Monday."]


class TestConversation:
    def test_a_follow_up_is_understood_through_the_question_before(self, engine: ChatEngine) -> None:
        engine.ask("What did Sushkov write on Twitter?", conversation="c")
        follow_up = engine.ask("and what else?", conversation="c")
        assert follow_up.understood_as == "What did Sushkov write on Twitter? and what else?"
        assert follow_up.quotes[0].paragraph == 7
        again = engine.ask("а кто он?", conversation="c")
        assert again.understood_as == "What did Sushkov write on Twitter? а кто он?"
        assert again.language == "ru"
        other = engine.ask("Where will the security talks take place?", conversation="c")
        assert other.understood_as == other.question
        assert other.quotes[0].paragraph == 14

    def test_conversations_do_not_mix(self, engine: ChatEngine) -> None:
        engine.ask("What did Sushkov write on Twitter?", conversation="one")
        assert engine.ask("and what else?", conversation="two").understood_as == "and what else?"

    def test_a_conversation_outlives_the_process(self, engine: ChatEngine, tmp_path: Path) -> None:
        engine.ask("What did Sushkov write on Twitter?", conversation="c")
        again = Conversations(tmp_path / "data" / "conversations.sqlite3", max_turns=5, days=1)
        assert [turn.question for turn in again.turns("c")] == ["What did Sushkov write on Twitter?"]
        again.close()

    def test_only_the_last_turns_are_kept(self, tmp_path: Path) -> None:
        conversations = Conversations(tmp_path / "c.sqlite3", max_turns=3, days=1)
        for i in range(7):
            conversations.append("c", Turn(str(i), str(i), "", ""))
        assert [turn.question for turn in conversations.turns("c")] == ["4", "5", "6"]
        conversations.close()

    def test_silent_conversations_are_forgotten(self, tmp_path: Path) -> None:
        conversations = Conversations(tmp_path / "c.sqlite3", max_turns=3, days=1)
        conversations.append("old", Turn("q", "q", "", ""))
        conversations.append("new", Turn("q", "q", "", ""))
        conversations.close()
        with sqlite3.connect(tmp_path / "c.sqlite3") as db:
            db.execute("UPDATE turns SET at = at - 90000 WHERE conversation = 'old'")
        db.close()
        conversations = Conversations(tmp_path / "c.sqlite3", max_turns=3, days=1)
        assert conversations.turns("old") == []
        assert len(conversations.turns("new")) == 1
        conversations.close()

    @pytest.mark.parametrize("conversation", ["", "a b", "x" * 201, "../x", "a\n"])
    def test_bad_ids(self, engine: ChatEngine, conversation: str) -> None:
        with pytest.raises(BadConversationId):
            engine.conversations.turns(conversation)

    def test_a_file_that_cannot_be_made(self, tmp_path: Path) -> None:
        with pytest.raises(DataDirectoryError):
            Conversations(tmp_path / "nothing" / "c.sqlite3", max_turns=3, days=1)

    @pytest.mark.parametrize(
        ("question", "language"),
        [("and when?", "en"), ("What did he write?", "en"), ("why?", "en"), ("ومتى؟", "ar"), ("ماذا قال هو؟", "ar"),
         ("А когда?", "ru"), ("Что он написал?", "ru"), ("Et quand ?", "fr"), ("Peki ne zaman?", "tr")],
    )  # fmt: skip
    def test_follow_ups(self, question: str, language: str) -> None:
        assert is_follow_up(question, language)

    @pytest.mark.parametrize(
        ("question", "language"),
        [("Why did Tokayev call in the CSTO?", "en"), ("What did Sushkov say about it?", "en"),
         ("متى تأسست منظمة معاهدة الأمن الجماعي؟", "ar"), ("Зачем Токаев вызвал ОДКБ?", "ru")],
    )  # fmt: skip
    def test_questions_that_stand_alone(self, question: str, language: str) -> None:
        assert not is_follow_up(question, language)


class TestBadInput:
    @pytest.mark.parametrize("question", ["", "   ", "???", "\0", "\ud800", "\u2068\u2069"])
    def test_empty_questions(self, engine: ChatEngine, question: str) -> None:
        with pytest.raises(BadQuestion, match="empty"):
            engine.ask(question)

    def test_twenty_thousand_characters(self, engine: ChatEngine) -> None:
        with pytest.raises(BadQuestion, match="20,000"):
            engine.ask("x" * 20_000)

    def test_nul_and_lone_surrogates_are_dropped(self, engine: ChatEngine) -> None:
        assert engine.ask("How many\0 soldiers\ud800 arrived?").question == "How many soldiers arrived?"

    def test_a_language_without_phrases(self, engine: ChatEngine) -> None:
        with pytest.raises(BadQuestion, match="'xx'"):
            engine.ask("How many soldiers?", language="xx")

    def test_an_article_that_is_not_there(self, engine: ChatEngine) -> None:
        with pytest.raises(UnknownArticle, match="'nothing'"):
            engine.ask("How many soldiers?", article_ids=["nothing"])

    def test_an_empty_index(self, engine: ChatEngine) -> None:
        remove_article(engine.index, BUNDLED_ID)
        with pytest.raises(NothingIndexed) as refused:
            engine.ask("How many soldiers?")
        assert "maqal index" in refused.value.fix


def test_phrases_are_complete() -> None:
    fields = {"place": "§1", "places": "§1", "reason": "r", "text": "t"}
    for language in languages():
        for key in ("says", "also", "silent", "closest", "llm_failed", "unquoted"):
            assert phrase(key, language, **fields)  # type: ignore[arg-type]
