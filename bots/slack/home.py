"""App Home: which article a person asks, in which language, with examples; and the prompts of the agent pane."""

from slack_bolt import Ack
from slack_sdk import WebClient

from bots.slack import articles
from bots.slack.actions import respond
from bots.slack.blocks import Block, actions, as_message, button, menu, notice, section, shortened, small_text
from bots.slack.desk import Body, Desk, place_pressed, reader_of, team_of
from rag.phrases import languages

_ANY = "*"
_ABOUT = (
    "maqal answers questions about news articles from what they say, with quotes that are checked letter by letter."
    " Ask in any of its languages, whatever the article's is. Mention it in a channel, write to it here, or use /ask,"
    " which only you see. “Check this quote” in a message's menu tells whether a quote stands in the articles."
)
_MOST_PROMPTS = 4  # Slack takes no more.


def opened(ack: Ack, body: Body, client: WebClient, desk: Desk) -> None:
    """Somebody opened Home, or the conversation with the bot, where prompts are suggested then."""
    ack()
    event = body["event"]
    team = team_of(body)
    if event.get("tab") == "messages":
        suggest_prompts(client, desk, team=team, user=event["user"], channel=event["channel"])
    else:
        publish_for(client, desk, team, event["user"])


def thread_started(ack: Ack, body: Body, client: WebClient, desk: Desk) -> None:
    """A thread began in the pane of an app that still has Slack's older `assistant_view`."""
    ack()
    thread = body["event"]["assistant_thread"]
    team, user = team_of(body), thread["user_id"]
    suggest_prompts(client, desk, team=team, user=user, channel=thread["channel_id"], thread=thread["thread_ts"])


def suggest_prompts(
    client: WebClient, desk: Desk, *, team: str, user: str, channel: str, thread: str | None = None
) -> None:
    """Suggest questions that the person's article answers; with `agent_view`, a thread must not be named."""
    questions = desk.examples(team, user, desk.choices.language(team, user) or "en")
    if questions:
        client.assistant_threads_setSuggestedPrompts(
            channel_id=channel,
            thread_ts=thread,
            title=shortened(articles.asked_here(desk, team, user)),
            prompts=[{"title": shortened(text), "message": text} for text in questions[:_MOST_PROMPTS]],
        )


def publish_for(client: WebClient, desk: Desk, team: str, user: str) -> None:
    """Show a person's Home as it is now. Raises SlackApiError."""
    client.views_publish(user_id=user, view={"type": "home", "blocks": home_blocks(desk, team, user)})


def choose_article(ack: Ack, body: Body, client: WebClient, desk: Desk) -> None:
    """Keep which article a channel, or a person in Home, asks from now on."""
    ack()
    action = body["actions"][0]
    value = action["selected_option"]["value"] if "selected_option" in action else action["value"]
    team, place = team_of(body), place_pressed(body)
    desk.choices.choose_article(team, place, "" if value == articles.ALL else value)
    if (body.get("view") or {}).get("type") == "home":
        publish_for(client, desk, team, place)
    elif action["type"] == "static_select":
        blocks = articles.listing(desk, team, place, "")
        respond(client, body, text=as_message(blocks).text, blocks=blocks, replace_original=True)
    else:
        message = notice(articles.asked_here(desk, team, place))
        respond(client, body, text=message.text, blocks=message.blocks, replace_original=False)


def choose_language(ack: Ack, body: Body, client: WebClient, desk: Desk) -> None:
    """Keep in which language a person wants answers."""
    ack()
    value = body["actions"][0]["selected_option"]["value"]
    team, user = team_of(body), body["user"]["id"]
    desk.choices.choose_language(team, user, "" if value == _ANY else value)
    publish_for(client, desk, team, user)


def home_blocks(desk: Desk, team: str, user: str) -> list[Block]:
    """The blocks of a person's Home."""
    entries = desk.engine.index.articles()
    language = desk.choices.language(team, user)
    blocks = [section(_ABOUT), {"type": "divider"}]
    if not entries:
        return [*blocks, *articles.listing(desk, team, user, "")]
    blocks += [
        section(articles.asked_here(desk, team, user)),
        actions([articles.article_menu(entries, desk.article(team, user))]),
        small_text("In a channel, /articles shows and sets the article that is asked there."),
        section("Language of the answers; quotes stay in the article's letters."),
        actions([_language_menu(language)]),
    ]
    examples = desk.examples(team, user, language or "en")
    if examples:
        asks = [button(question, f"ask:{i}", question) for i, question in enumerate(examples)]
        blocks += [{"type": "divider"}, section("Ask, for example:"), actions(asks)]
    ratings = desk.engine.answers.ratings(reader_of(team, user))
    told = f"Your answers: {ratings['up']} helpful, {ratings['down']} not helpful." if any(ratings.values()) else ""
    asked_for = "Tell under each answer whether it helped; if not, you may say why."
    return [*blocks, {"type": "divider"}, section("Feedback"), small_text(f"{told} {asked_for}".strip())]


def _language_menu(chosen: str) -> Block:
    from babel import Locale

    named = [((Locale.parse(code).display_name or code).capitalize(), code) for code in languages()]
    return menu("Language", "choose_language", [("The question's own", _ANY), *named], chosen or _ANY)
