"""Which scope each event and each method of Slack's Web API needs (docs.slack.dev/reference), and what it is for."""

from bots.slack.settings import SlackSettings

# Slack names the event `message` by the kind of conversation in an app's subscriptions.
EVENT_SCOPES: dict[str, str] = {
    "agent_session_stopped": "chat:write",
    "app_home_opened": "",
    "app_mention": "app_mentions:read",
    "app_uninstalled": "",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "message.mpim": "mpim:history",
}
METHOD_SCOPES: dict[str, frozenset[str]] = {
    "agents.sessions.setStatus": frozenset({"chat:write"}),
    "assistant.threads.setStatus": frozenset({"chat:write"}),
    "assistant.threads.setSuggestedPrompts": frozenset({"assistant:write"}),
    "auth.test": frozenset(),
    "chat.appendStream": frozenset({"chat:write"}),
    "chat.delete": frozenset({"chat:write"}),
    "chat.postEphemeral": frozenset({"chat:write"}),
    "chat.postMessage": frozenset({"chat:write"}),
    "chat.startStream": frozenset({"chat:write"}),
    "chat.stopStream": frozenset({"chat:write"}),
    "chat.update": frozenset({"chat:write"}),
    "conversations.replies": frozenset({"channels:history", "groups:history", "im:history", "mpim:history"}),
    "files.info": frozenset({"files:read"}),
    "usergroups.users.list": frozenset({"usergroups:read"}),
    "views.open": frozenset(),
    "views.publish": frozenset(),
}
APP_METHOD_SCOPES: dict[str, frozenset[str]] = {"apps.connections.open": frozenset({"connections:write"})}
"""Those that are called with the app-level token of Socket Mode."""

COMMANDS = "commands"
LOST_WITHOUT: dict[str, str] = {
    "app_mentions:read": "mentions are not heard",
    "assistant:write": "the agent pane suggests no questions",
    "channels:history": "follow-ups without a mention are not heard in public channels",
    "chat:write": "nothing is answered",
    COMMANDS: "/ask, /articles and the shortcuts are missing",
    "files:read": "shared files cannot be indexed",
    "groups:history": "follow-ups without a mention are not heard in private channels",
    "im:history": "direct messages are not heard",
    "mpim:history": "follow-ups without a mention are not heard in group direct messages",
    "usergroups:read": "members of the user groups in SLACK_EDITORS are not recognised",
}


def needed_scopes(settings: SlackSettings) -> frozenset[str]:
    """The bot scopes that are used with these settings."""
    unused = set()
    if not settings.editors:
        unused.add("files:read")
    if not any(name.startswith("S") for name in settings.editors):
        unused.add("usergroups:read")
    return known_scopes() - unused


def known_scopes() -> frozenset[str]:
    """All bot scopes that maqal may use: those of the manifest."""
    events = frozenset(filter(None, EVENT_SCOPES.values()))
    return events.union(*METHOD_SCOPES.values()) | {COMMANDS}
