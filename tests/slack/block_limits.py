"""Slack's documented limits of messages and views, as far as Slack refuses what exceeds them.

Facts: docs.slack.dev/reference/block-kit (blocks, block elements, composition objects), docs.slack.dev/reference/views,
and the pages of the methods. Slack wants an action_id to be unique in its block; here it has to be so in its message,
as the bot tells buttons apart by it.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Literal

Surface = Literal["message", "modal", "home"]

MAX_MESSAGE_BLOCKS = 50
MAX_VIEW_BLOCKS = 100
MAX_FALLBACK = 40_000
MAX_STREAM = 12_000
MAX_PROMPTS = 4
_MAX_TITLE = 200
_MAX_ID = 255
_BLOCKS: dict[str, frozenset[Surface]] = {
    "actions": frozenset({"message", "modal", "home"}),
    "context": frozenset({"message", "modal", "home"}),
    "context_actions": frozenset({"message"}),
    "divider": frozenset({"message", "modal", "home"}),
    "header": frozenset({"message", "modal", "home"}),
    "image": frozenset({"message", "modal", "home"}),
    "input": frozenset({"message", "modal", "home"}),
    "rich_text": frozenset({"message", "modal", "home"}),
    "section": frozenset({"message", "modal", "home"}),
}
_SELECTS = frozenset({"static_select", "users_select", "conversations_select", "channels_select", "external_select"})
_ELEMENTS = {
    "actions": _SELECTS | {"button", "overflow", "datepicker", "radio_buttons", "checkboxes"},
    "context_actions": frozenset({"feedback_buttons", "icon_button"}),
    "input": _SELECTS | {"plain_text_input", "url_text_input", "datepicker", "radio_buttons", "checkboxes"},
    "section": _SELECTS | {"button", "overflow", "image", "datepicker", "radio_buttons", "checkboxes"},
}
_MOST_ELEMENTS = {"actions": 25, "context": 10, "context_actions": 5}


def violations_of_call(method: str, body: dict[str, Any]) -> list[str]:
    """What Slack would refuse in a call of a Web API method, or of a response URL (`respond`)."""
    found: list[str] = []
    blocks = loaded(body.get("blocks"))
    if blocks is not None:
        found += violations(blocks, "message")
    elif method in {"chat.postMessage", "chat.postEphemeral"} and not body.get("text"):
        found.append("no_text: neither text nor blocks")
    if len(body.get("text") or "") > MAX_FALLBACK:
        found.append(f"text: {len(body['text'])} characters of {MAX_FALLBACK}")
    for chunk in loaded(body.get("chunks")) or []:
        if chunk["type"] == "blocks":
            found += violations(chunk["blocks"], "message")
        elif len(chunk.get("text") or "") > MAX_STREAM:
            found.append(f"chunk: {len(chunk['text'])} characters of {MAX_STREAM}")
    view = loaded(body.get("view"))
    if view is not None:
        found += _view(view)
    prompts = loaded(body.get("prompts")) or []
    if len(prompts) > MAX_PROMPTS:
        found.append(f"prompts: {len(prompts)} of {MAX_PROMPTS}")
    found += [f"prompt without {name}" for prompt in prompts for name in ("title", "message") if not prompt.get(name)]
    if method == "agents.sessions.setStatus":
        if body.get("status") not in {"active", "processing", "suspended", "closed"}:
            found.append(f"status: {body.get('status')}")
        if len(body.get("title") or "") > _MAX_TITLE:
            found.append(f"title: {len(body['title'])} characters of {_MAX_TITLE}")
    return found


def violations(blocks: Sequence[dict[str, Any]], surface: Surface) -> list[str]:
    """What Slack would refuse of the blocks on a surface."""
    most = MAX_MESSAGE_BLOCKS if surface == "message" else MAX_VIEW_BLOCKS
    found = [] if 1 <= len(blocks) <= most else [f"{len(blocks)} blocks of {most}"]
    for i, block in enumerate(blocks):
        found += [f"/blocks/{i} ({block.get('type')}): {problem}" for problem in _block(block, surface)]
    for name, ids in (
        ("block_id", [block["block_id"] for block in blocks if "block_id" in block]),
        ("action_id", [each["action_id"] for each in nested(blocks) if "action_id" in each]),
    ):
        found += [f"{name} {one!r} is there twice" for one in sorted({one for one in ids if ids.count(one) > 1})]
        found += [f"{name} of {len(one)} characters" for one in ids if not 1 <= len(one) <= _MAX_ID]
    return found


def text_objects(value: object) -> Iterator[dict[str, Any]]:
    """All text objects in blocks or a view."""
    return (each for each in nested(value) if each.get("type") in {"plain_text", "mrkdwn"})


def nested(value: object) -> Iterator[dict[str, Any]]:
    """All objects in a JSON value, outer ones first."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from nested(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from nested(inner)


def loaded(value: Any) -> Any:
    """A parameter that a form carries as JSON."""
    return json.loads(value) if isinstance(value, str) and value[:1] in {"[", "{"} else value


def _view(view: dict[str, Any]) -> Iterator[str]:
    surface: Surface = "home" if view.get("type") == "home" else "modal"
    yield from violations(view.get("blocks") or [], surface)
    if view.get("type") not in {"home", "modal"}:
        yield f"view of type {view.get('type')}"
    for name in ("title", "submit", "close"):
        if name in view:
            yield from _text(name, view[name], 24, plain=True)
    for name, most in (("private_metadata", 3_000), ("callback_id", 255)):
        if len(view.get(name) or "") > most:
            yield f"{name}: {len(view[name])} characters of {most}"
    if surface == "modal":
        if "title" not in view:
            yield "a modal without a title"
        if "submit" not in view and any(block["type"] == "input" for block in view["blocks"]):
            yield "an input without submit"


def _block(block: dict[str, Any], surface: Surface) -> Iterator[str]:  # noqa: PLR0912 - a case for each type
    kind = block.get("type") or ""
    if surface not in _BLOCKS.get(kind, frozenset()):
        yield f"no block of a {surface}"
        return
    elements = block.get("elements") or []
    if kind in _MOST_ELEMENTS and not 1 <= len(elements) <= _MOST_ELEMENTS[kind]:
        yield f"{len(elements)} elements of {_MOST_ELEMENTS[kind]}"
    match kind:
        case "section":
            if "text" not in block and "fields" not in block:
                yield "neither text nor fields"
            if "text" in block:
                yield from _text("text", block["text"], 3_000)
            fields = block.get("fields") or []
            if len(fields) > 10:
                yield f"{len(fields)} fields of 10"
            for field in fields:
                yield from _text("field", field, 2_000)
            if "accessory" in block:
                yield from _element(block["accessory"], kind, surface)
        case "context":
            for element in elements:
                if element.get("type") == "image":
                    yield from _image(element)
                else:
                    yield from _text("element", element, 2_000)
        case "header":
            yield from _text("text", block.get("text"), 150, plain=True)
        case "image":
            yield from _image(block)
        case "input":
            yield from _text("label", block.get("label"), 2_000, plain=True)
            if "hint" in block:
                yield from _text("hint", block["hint"], 2_000, plain=True)
            yield from _element(block.get("element") or {}, kind, surface)
        case "actions" | "context_actions":
            for element in elements:
                yield from _element(element, kind, surface)
        case "rich_text":
            if not elements:
                yield "no elements"


def _element(element: dict[str, Any], block: str, surface: Surface) -> Iterator[str]:  # noqa: PLR0912 - as above
    kind = element.get("type") or ""
    if kind not in _ELEMENTS[block]:
        yield f"no {kind or 'untyped'} element there"
        return
    if "placeholder" in element:
        yield from _text("placeholder", element["placeholder"], 150, plain=True)
    match kind:
        case "button":
            yield from _text("text", element.get("text"), 75, plain=True)
            if len(element.get("value") or "") > 2_000:
                yield f"value: {len(element['value'])} characters of 2,000"
            if len(element.get("url") or "") > 3_000:
                yield f"url: {len(element['url'])} characters of 3,000"
            if "url" in element and not element["url"].startswith(("http://", "https://")):
                yield f"url: {element['url'][:50]}"
            if element.get("style") not in {None, "primary", "danger"}:
                yield f"style: {element['style']}"
        case "feedback_buttons":
            for side in ("positive_button", "negative_button"):
                yield from _text(side, element[side].get("text"), 75, plain=True)
                if not 1 <= len(element[side].get("value") or "") <= 2_000:
                    yield f"value of {side}"
        case "static_select" | "radio_buttons" | "checkboxes" | "overflow":
            yield from _options(element, 100 if kind == "static_select" else 10 if kind != "overflow" else 5)
        case "plain_text_input":
            for name, least in (("min_length", 0), ("max_length", 1)):
                if name in element and not least <= element[name] <= 3_000:
                    yield f"{name}: {element[name]}"
        case "conversations_select" | "channels_select":
            if element.get("response_url_enabled") and (surface, block) != ("modal", "input"):
                yield "response_url_enabled outside of a modal's input"
        case "image":
            yield from _image(element)


def _options(element: dict[str, Any], most: int) -> Iterator[str]:
    options = element.get("options") or []
    if not 1 <= len(options) <= most:
        yield f"{len(options)} options of {most}"
    for option in options:
        yield from _text("option", option.get("text"), 75)
        if not 1 <= len(option.get("value") or "") <= 150:
            yield f"value of an option: {len(option.get('value') or '')} characters of 150"
    if "initial_option" in element and element["initial_option"] not in options:
        yield "an initial_option that is none of the options"


def _image(image: dict[str, Any]) -> Iterator[str]:
    if not 1 <= len(image.get("alt_text") or "") <= 2_000:
        yield "alt_text"
    if not 1 <= len(image.get("image_url") or "") <= 3_000:
        yield "image_url"


def _text(name: str, text: Any, most: int, *, plain: bool = False) -> Iterator[str]:
    if not isinstance(text, dict) or text.get("type") not in ({"plain_text"} if plain else {"plain_text", "mrkdwn"}):
        yield f"{name}: no text object"
    elif not 1 <= len(text.get("text") or "") <= most:
        yield f"{name}: {len(text.get('text') or '')} characters of {most}"
