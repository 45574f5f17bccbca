"""App Home, the prompts of the agent pane, and `/articles`: which article a place asks, in which language."""

import json
from typing import Any

import pytest

from index.ingestion import add_article
from index.readers import read_text
from tests.conftest import BUNDLED_ID
from tests.slack.block_limits import loaded, violations
from tests.slack.conftest import OpenRoom
from tests.slack.newsroom import (
    FSI,
    PDI,
    QUESTION,
    Message,
    Newsroom,
    action_ids,
    element_of,
    quotations,
    small_texts,
    texts,
)

ORCHIDS = "Orchids in Bergen\n\nThe gardener Ada Byron said that blue orchids cost fifty crowns in Bergen."
TITLE = f"{FSI}Orchids in Bergen{PDI}"


@pytest.fixture(scope="module")
def shared_room(open_room: OpenRoom) -> Newsroom:
    room = open_room()
    add_article(room.engine.index, read_text(ORCHIDS, origin="file:orchids.txt"))
    return room


def listing(room: Newsroom, words: str = "") -> Message:
    """What `/articles` answers."""
    answer: Message = room.command(words, "/articles").json()
    assert answer["response_type"] == "ephemeral"
    assert violations(answer["blocks"], "message") == []
    return answer


def options(message: Message) -> list[str]:
    return [option["value"] for option in element_of(message["blocks"], "choose_article")["options"]]


def prompts(room: Newsroom) -> dict[str, Any]:
    room.bot.event({"type": "app_home_opened", "user": room.user, "channel": room.direct, "tab": "messages"})
    (call,) = room.slack.wait_for("assistant.threads.setSuggestedPrompts")
    return call


def test_home_has_article_language_examples_and_feedback(room: Newsroom) -> None:
    blocks = room.open_home()
    (call,) = room.slack.calls("views.publish")
    assert call["user_id"] == room.user
    assert loaded(call["view"])["type"] == "home"
    assert action_ids(blocks)[:2] == ["choose_article", "choose_language"]
    assert "You ask: all articles" in texts({"blocks": blocks})
    languages = {option["value"] for option in element_of(blocks, "choose_language")["options"]}
    assert {"*", "en", "ar", "ru", "fr"} <= languages
    assert element_of(blocks, "ask:0")["value"]
    assert small_texts({"blocks": blocks})[-1].startswith("Tell under each answer")


def test_home_keeps_the_article_that_a_person_asks(room: Newsroom) -> None:
    room.press_in_home(room.open_home(), "choose_article", "orchids")
    blocks = room.home(2)
    assert f"You ask: {TITLE}" in texts({"blocks": blocks})
    assert element_of(blocks, "choose_article")["initial_option"]["value"] == "orchids"
    (message,) = room.slack.wait_for_reply(room.direct, room.write(QUESTION))
    assert texts(message)[0].startswith("The article does not say.")
    # Their channels ask what those have chosen.
    assert quotations(room.ask())
    room.press_in_home(blocks, "choose_article", "*")
    assert "You ask: all articles" in texts({"blocks": room.home(3)})


def test_home_keeps_the_language_of_a_person_s_answers(room: Newsroom) -> None:
    room.press_in_home(room.open_home(), "choose_language", "fr")
    blocks = room.home(2)
    assert element_of(blocks, "choose_language")["initial_option"]["value"] == "fr"
    message = room.ask()
    assert "Copier comme citation" in json.dumps(message["blocks"], ensure_ascii=False)
    room.press_in_home(blocks, "choose_language", "*")
    room.home(3)
    assert "Copy as citation" in json.dumps(room.ask()["blocks"])


def test_an_example_of_home_is_answered_in_the_conversation_with_the_bot(room: Newsroom) -> None:
    blocks = room.open_home()
    example = element_of(blocks, "ask:0")["value"]
    room.press_in_home(blocks, "ask:0")
    asked, answer = room.slack.wait_for("chat.postMessage", 2)
    assert (asked["channel"], asked["text"]) == (room.user, example)
    assert answer["channel"] == room.user
    assert answer["thread_ts"]
    # The question stands above it in the thread.
    assert example not in small_texts(answer)[0]
    assert room.engine.answers.answer(element_of(answer["blocks"], "cite:0")["value"].split(":")[0]).question == example


def test_home_tells_what_a_person_thought_of_answers(room: Newsroom) -> None:
    message = room.ask()
    room.press(message, "feedback", side="positive")
    room.slack.wait_for("chat.postEphemeral")
    said = small_texts({"blocks": room.open_home()})[-1]
    assert said.startswith("Your answers: 1 helpful, 0 not helpful.")


def test_home_of_an_empty_index_says_how_to_fill_it(open_room: OpenRoom) -> None:
    room = open_room()
    room.engine.index.catalog.article(BUNDLED_ID)
    from index.ingestion import remove_article

    remove_article(room.engine.index, BUNDLED_ID)
    assert texts({"blocks": room.open_home()})[-1].startswith("No article is indexed.")
    assert texts(listing(room))[0].startswith("No article is indexed.")
    room.bot.event({"type": "app_home_opened", "user": room.user, "channel": room.direct, "tab": "messages"})
    room.open_home()
    assert room.slack.calls("assistant.threads.setSuggestedPrompts") == []
    room.leave()


def test_the_agent_pane_suggests_what_the_person_s_article_answers(room: Newsroom) -> None:
    room.press_in_home(room.open_home(), "choose_article", BUNDLED_ID)
    room.home(2)
    call = prompts(room)
    assert call["channel_id"] == room.direct
    # With a thread named Slack shows none in the agent view.
    assert call.get("thread_ts") is None
    suggested = loaded(call["prompts"])
    assert 1 <= len(suggested) <= 4
    assert call["title"].startswith("You ask:")
    for prompt in suggested:
        (message,) = room.slack.wait_for_reply(room.direct, room.write(prompt["message"]))
        assert quotations(message), prompt


def test_the_agent_pane_suggests_in_the_person_s_language(room: Newsroom) -> None:
    room.press_in_home(room.open_home(), "choose_article", BUNDLED_ID)
    room.press_in_home(room.home(2), "choose_language", "ru")
    room.home(3)
    assert all(any("а" <= char <= "я" for char in prompt["message"]) for prompt in loaded(prompts(room)["prompts"]))


def test_an_app_with_the_older_assistant_view_gets_prompts_in_its_thread(room: Newsroom) -> None:
    thread = {"user_id": room.user, "channel_id": room.direct, "thread_ts": "5.5", "context": {}}
    room.bot.event({"type": "assistant_thread_started", "assistant_thread": thread})
    (call,) = room.slack.wait_for("assistant.threads.setSuggestedPrompts")
    assert (call["channel_id"], call["thread_ts"]) == (room.direct, "5.5")
    assert loaded(call["prompts"])


def test_articles_lists_what_is_indexed_with_a_menu(room: Newsroom) -> None:
    answer = listing(room)
    assert texts(answer) == ["This channel asks: all articles"]
    assert set(options(answer)) == {"*", "orchids", BUNDLED_ID}
    assert f"{TITLE} · {FSI}orchids{PDI} · paragraphs: 1" in [
        line.replace(f" · {FSI}file:orchids.txt{PDI}", "") for line in small_texts(answer)
    ]


def test_articles_finds_by_words_of_title_or_id(room: Newsroom) -> None:
    assert options(listing(room, "BERGEN orchids")) == ["*", "orchids"]
    assert options(listing(room, "csto")) == ["*", BUNDLED_ID]
    nothing = listing(room, "tulips")
    assert options(nothing) == ["*"]
    assert small_texts(nothing) == ["0 of 2 articles; `/articles words` finds some of them."]


def test_the_article_that_a_channel_chose_is_the_one_that_it_asks(room: Newsroom) -> None:
    answer = listing(room)
    room.press(answer, "choose_article", value="orchids", is_private=True)
    told = room.told()
    assert told["replace_original"] is True
    assert texts(told) == [f"This channel asks: {TITLE}"]
    assert texts(room.ask())[0].startswith("The article does not say.")
    assert quotations(room.ask("What do blue orchids cost?"))
    # A person's own conversation with the bot is another place.
    (message,) = room.slack.wait_for_reply(room.direct, room.write(QUESTION))
    assert quotations(message)
    room.press(listing(room), "choose_article", value="*", is_private=True)
    room.told(2)
    assert quotations(room.ask())


def test_a_chosen_article_that_was_removed_gives_way_to_all(room: Newsroom) -> None:
    from index.ingestion import remove_article

    add_article(room.engine.index, read_text("Tulips\n\nTulips are sold in Lima.", origin="file:tulips.txt"))
    room.press(listing(room), "choose_article", value="tulips", is_private=True)
    room.told()
    remove_article(room.engine.index, "tulips")
    assert texts(listing(room)) == ["This channel asks: all articles"]
    assert quotations(room.ask())


def test_articles_is_not_answered_in_other_channels(open_room: OpenRoom) -> None:
    room = open_room(channels=frozenset({"C0"}))
    assert room.command("", "/articles").text == "maqal does not answer in this channel."
