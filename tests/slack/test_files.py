"""Articles from Slack: shared files and links, offered to be indexed by those who may."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from index.exceptions import UnknownArticle
from index.readers import SUFFIXES
from tests.slack.block_limits import loaded
from tests.slack.conftest import OpenRoom
from tests.slack.newsroom import FSI, PDI, QUESTION, Message, Newsroom, action_ids, element_of, quotations, texts
from tests.slack.slack_server import SlackServer

_numbers = count(1)


@pytest.fixture(scope="module")
def shared_room(open_room: OpenRoom) -> Newsroom:
    return open_room(allow_urls=True)


@pytest.fixture
def editor(room: Newsroom) -> Newsroom:
    """The room of a person who may add articles."""
    room.user = "UEDITOR"
    return room


@pytest.fixture
def elsewhere() -> Iterator[SlackServer]:
    """A server that is not Slack."""
    server = SlackServer()
    yield server
    server.close()


def share(room: Newsroom, *names: str) -> Message:
    """Share files with the bot; the offer, as it stands in the conversation."""
    ts = room.write("", subtype="file_share", files=[{"id": f"F{i}", "name": name} for i, name in enumerate(names)])
    (message,) = room.slack.wait_for_reply(room.direct, ts)
    return message


def lies(room: Newsroom, data: bytes | str | None, name: str, *, url: str = "", size: int | None = None) -> None:
    """Let Slack have a file."""
    number = next(_numbers)
    path = f"/files/{number}/{name}"
    if data is not None:
        room.slack.files[path] = data
    described = {
        "id": f"F{number}",
        "name": name,
        "size": len(data or "") if size is None else size,
        "url_private_download": url or room.slack.api_url.replace("/api/", path),
    }
    room.slack.answers["files.info"] = [(200, {}, {"ok": True, "file": described})]


def shown(room: Newsroom, message: Message, begin: str) -> Message:
    """The message when one of its texts begins so."""
    times = 0
    while True:
        times += 1
        update = room.slack.wait_for("chat.update", times)[times - 1]
        if any(text.startswith(begin) for text in texts(update)):
            assert (update["channel"], update["ts"]) == (message["channel"], message["ts"])
            return {**message, "blocks": loaded(update["blocks"])}


def article(topic: str, paragraphs: int = 1) -> bytes:
    body = "\n\n".join(f"The gardener said on day {i} that {topic} cost {i} crowns." for i in range(1, paragraphs + 1))
    return f"{topic.capitalize()}\n\n{body}".encode()


def test_a_shared_file_is_offered_to_be_indexed(room: Newsroom) -> None:
    message = share(room, "orchids.txt", "picture.png", "tulips.md")
    assert texts(message) == [f"{FSI}orchids.txt{PDI}", f"{FSI}tulips.md{PDI}"]
    assert action_ids(message["blocks"]) == ["index_file:0", "index_file:1"]
    assert room.slack.calls("download") == room.slack.calls("files.info") == []


def test_where_nobody_may_add_articles_that_is_told(open_room: OpenRoom) -> None:
    room = open_room(editors=frozenset())
    message = share(room, "orchids.txt")
    assert texts(message) == [
        "Articles can be added from Slack when SLACK_EDITORS names the people or user groups who may."
    ]


def test_files_that_are_no_articles_are_told_what_is_read(room: Newsroom) -> None:
    assert texts(share(room, "picture.png", "README")) == [f"maqal reads {', '.join(SUFFIXES)}."]


def test_who_is_no_editor_is_told(room: Newsroom) -> None:
    message = share(room, "orchids.txt")
    room.slack.answers["usergroups.users.list"] = [(200, {}, {"ok": True, "users": ["U0"]})]
    room.press(message, "index_file:0")
    (told,) = room.slack.wait_for("chat.postEphemeral")
    assert told["text"] == "You may not add articles here; SLACK_EDITORS names who may."
    assert (told["user"], told["channel"]) == (room.user, room.direct)
    assert room.slack.calls("files.info") == room.slack.calls("chat.update") == []


def test_where_slack_does_not_tell_a_group_s_members_nobody_of_it_may(room: Newsroom) -> None:
    message = share(room, "orchids.txt")
    room.slack.answers["usergroups.users.list"] = [(200, {}, {"ok": False, "error": "missing_scope"})]
    room.press(message, "index_file:0")
    (told,) = room.slack.wait_for("chat.postEphemeral")
    assert told["text"].startswith("You may not add articles here")


def test_an_editor_indexes_a_file_and_asks_it(editor: Newsroom) -> None:
    message = share(editor, "orchids.txt")
    lies(editor, article("blue orchids"), "orchids.txt")
    editor.press(message, "index_file:0")
    done = shown(editor, message, "Indexed")
    assert texts(done) == [f"Indexed: {FSI}Blue orchids{PDI}\n{FSI}orchids{PDI}, version 1, paragraphs: 1"]
    assert texts(editor.slack.calls("chat.update")[0]) == ["Reading the article…"]
    assert editor.slack.tokens("download") == ["xoxb-1"]
    assert editor.engine.index.catalog.article("orchids").article.origin == "slack:orchids.txt"
    editor.press(done, "choose_article:0")
    assert editor.told()["text"] == f"You ask: {FSI}Blue orchids{PDI}"
    (answer,) = editor.slack.wait_for_reply(editor.direct, editor.write(QUESTION))
    assert texts(answer)[0].startswith("The article does not say.")
    (answer,) = editor.slack.wait_for_reply(editor.direct, editor.write("What do blue orchids cost?"))
    assert quotations(answer)


def test_a_member_of_an_editors_group_may_add_an_article(room: Newsroom) -> None:
    message = share(room, "tulips.md")
    lies(room, article("red tulips"), "tulips.md")
    room.slack.answers["usergroups.users.list"] = [(200, {}, {"ok": True, "users": [room.user]})]
    room.press(message, "index_file:0")
    shown(room, message, "Indexed")


def test_the_same_file_again_is_known_and_an_edited_one_is_a_new_version(editor: Newsroom) -> None:
    for data, outcome in ((article("lilies"), "Indexed:"), (article("lilies"), "Known already:"),
                          (article("lilies", 2), "Indexed in a new version:")):  # fmt: skip
        editor.slack.forget()
        message = share(editor, "lilies.txt")
        lies(editor, data, "lilies.txt")
        editor.press(message, "index_file:0")
        shown(editor, message, outcome)


def test_the_other_offers_of_a_message_stay(editor: Newsroom) -> None:
    message = share(editor, "roses.txt", "daisies.txt")
    lies(editor, article("roses"), "roses.txt")
    editor.press(message, "index_file:0")
    done = shown(editor, message, "Indexed")
    assert action_ids(done["blocks"]) == ["choose_article:0", "index_file:1"]
    lies(editor, article("daisies"), "daisies.txt")
    editor.press(done, "index_file:1")
    both = shown(editor, message, f"Indexed: {FSI}Daisies{PDI}")
    assert action_ids(both["blocks"]) == ["choose_article:0", "choose_article:1"]


def test_how_far_a_long_article_is_read_is_shown(editor: Newsroom) -> None:
    message = share(editor, "garden.txt")
    lies(editor, article("peonies", 200), "garden.txt")
    editor.press(message, "index_file:0")
    shown(editor, message, "Indexed")
    told = [texts(update)[0] for update in editor.slack.calls("chat.update")]
    assert any(text.startswith("Indexing: ") and text.endswith(" of 201 passages…") for text in told), told


def test_a_progress_that_cannot_be_shown_does_not_end_the_reading(editor: Newsroom) -> None:
    message = share(editor, "hedge.txt")
    lies(editor, article("hedges", 200), "hedge.txt")
    accepted = (200, {}, {"ok": True})
    editor.slack.answers["chat.update"] = [accepted, (200, {}, {"ok": False, "error": "internal_error"})]
    editor.press(message, "index_file:0")
    shown(editor, message, "Indexed")


@pytest.mark.parametrize(
    ("data", "name", "fields", "told"),
    [
        (b"", "empty.txt", {}, "empty.txt"),
        (b"\x00\xff\x00", "broken.pdf", {}, "broken.pdf"),
        (b"MZ", "virus.exe", {}, "virus.exe has no suffix that maqal reads. Share one of "),
        (b"a", "large.txt", {"size": 10**9}, "large.txt is larger than "),
        (None, "gone.txt", {}, "Slack does not give the file (status 404). Give the app the scope files:read"),
        ("https://slack.com/login", "login.txt", {}, "Slack does not give the file (status 302)."),
        (b"a", "far.txt", {"url": "https://files.slack.com.evil.example/a"}, "The file does not lie at Slack."),
        (b"a", "far.txt", {"url": "http://files.slack.com/a"}, "The file does not lie at Slack."),
        (b"a", "far.txt", {"url": "https://xoxb@evil.example@files.slack.com/a"}, "The file does not lie at Slack."),
    ],
)
def test_a_file_that_cannot_be_read_is_told_and_may_be_tried_again(
    editor: Newsroom, data: bytes | str | None, name: str, fields: dict[str, Any], told: str
) -> None:
    message = share(editor, "offered.txt")
    lies(editor, data, name, **fields)
    editor.press(message, "index_file:0")
    shown(editor, message, "Reading")
    failed = {**message, "blocks": loaded(editor.slack.wait_for("chat.update", 2)[1]["blocks"])}
    assert told in texts(failed)[0]
    assert element_of(failed["blocks"], "index_file:0")["value"] == "F0"
    lies(editor, article(f"bulb {next(_numbers)}"), "again.txt")
    editor.press(failed, "index_file:0")
    shown(editor, message, "Indexed")


def test_a_file_that_is_larger_than_it_said_is_refused(editor: Newsroom) -> None:
    limit = editor.engine.index.settings.max_bytes
    message = share(editor, "large.txt")
    lies(editor, b"a" * (limit + 2), "large.txt", size=1)
    editor.press(message, "index_file:0")
    failed = editor.slack.wait_for("chat.update", 2)[1]
    assert "INDEX_MAX_BYTES" in texts(failed)[0]


def test_a_file_that_lies_elsewhere_gets_no_token(editor: Newsroom, elsewhere: SlackServer) -> None:
    elsewhere.files["/files/orchids.txt"] = article("orchids")
    message = share(editor, "orchids.txt")
    lies(editor, b"a", "orchids.txt", url=elsewhere.api_url.replace("/api/", "/files/orchids.txt"))
    editor.press(message, "index_file:0")
    failed = editor.slack.wait_for("chat.update", 2)[1]
    assert texts(failed)[0].startswith("The file does not lie at Slack.")
    assert elsewhere.calls("download") == []


def test_a_file_that_slack_does_not_show_is_told(editor: Newsroom) -> None:
    message = share(editor, "orchids.txt")
    editor.slack.answers["files.info"] = [(200, {}, {"ok": False, "error": "file_not_found"})]
    editor.press(message, "index_file:0")
    failed = editor.slack.wait_for("chat.update", 2)[1]
    assert texts(failed)[0].startswith("Slack does not show the file: file_not_found. Share the file in a channel")


def test_a_link_is_offered_where_articles_may_be_fetched(editor: Newsroom) -> None:
    ts = editor.write("<https://127.0.0.1/a?b=1&amp;c=2|the news>")
    (message,) = editor.slack.wait_for_reply(editor.direct, ts)
    assert texts(message) == [f"{FSI}https://127.0.0.1/a?b=1&c=2{PDI}"]
    assert element_of(message["blocks"], "index_link:0")["value"] == "https://127.0.0.1/a?b=1&c=2"
    editor.press(message, "index_link:0")
    failed = editor.slack.wait_for("chat.update", 2)[1]
    assert "127.0.0.1" in texts(failed)[0]
    with pytest.raises(UnknownArticle):
        editor.engine.index.catalog.article("https://127.0.0.1/a?b=1&c=2")


def test_a_link_is_no_offer_where_nothing_may_be_fetched(open_room: OpenRoom) -> None:
    room = open_room()
    ts = room.write(f"{QUESTION} <https://example.org/a>")
    (message,) = room.slack.wait_for_reply(room.direct, ts)
    assert quotations(message)
    assert not any(name.startswith("index_link") for name in action_ids(message["blocks"]))
