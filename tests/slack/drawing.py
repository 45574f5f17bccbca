"""Slack's blocks as HTML, in the manner of Slack, for the pictures in the documentation."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Block = dict[str, Any]

# Slack draws emoji as pictures; here they are letters in a colour.
_EMOJI = {"✅": ("✓", "good"), "⚠️": ("!", "warn"), "❌": ("✕", "bad"), "❔": ("?", "warn"), "📄": ("≡", "file")}
_STYLE = """
* { box-sizing: border-box; margin: 0 }
body { font: 15px/1.46 "Noto Sans", "DejaVu Sans", sans-serif; color: #1d1c1d; background: #fff }
header { padding: 10px 16px; border-bottom: 1px solid #ddd; font-weight: 700 }
.message { display: grid; grid-template-columns: 36px 1fr; gap: 0 10px; padding: 10px 16px }
.avatar { width: 36px; height: 36px; border-radius: 8px; color: #fff; font-weight: 700; text-align: center;
          line-height: 36px; background: #4a6fa5 }
.avatar.bot { background: #1f6f54; font-family: "Noto Naskh Arabic", serif; font-size: 20px }
.name { font-weight: 700 } .app { font-size: 10px; background: #e8e8e8; color: #555; border-radius: 2px;
          padding: 1px 4px; margin: 0 4px; vertical-align: 1px } .time, .private { color: #616061; font-size: 12px }
.private { grid-column: 2; margin-bottom: 2px }
.block { margin: 4px 0 8px } .section, .said { white-space: pre-wrap; overflow-wrap: anywhere }
.context { color: #616061; font-size: 12.5px; white-space: pre-wrap }
.row { display: flex; flex-wrap: wrap; gap: 8px }
.button { border: 1px solid #bbb; border-radius: 8px; padding: 4px 11px; font-size: 13px; font-weight: 700;
          background: #fff; max-width: 100% } .button.primary { background: #1f7a55; border-color: #1f7a55; color: #fff }
.menu { border: 1px solid #bbb; border-radius: 8px; padding: 4px 30px 4px 11px; font-size: 13px; position: relative;
        max-width: 100% } .menu::after { content: "▾"; position: absolute; right: 11px; color: #555 }
.feedback { color: #616061; font-size: 12.5px; display: flex; gap: 14px } .feedback svg { vertical-align: -2px }
hr { border: 0; border-top: 1px solid #ddd; margin: 12px 0 } .user { color: #1264a3; background: #e8f1f8;
        border-radius: 3px; padding: 0 2px } .note { color: #616061; font-style: italic; font-size: 12.5px }
.emoji { display: inline-block; width: 18px; height: 18px; line-height: 18px; text-align: center; border-radius: 4px;
         color: #fff; font-size: 12px; font-weight: 700 } .good { background: #2f9e5f } .warn { background: #d99a1c }
.bad { background: #d1435b } .file { background: #7a7a7a }
.home { padding: 16px 24px } .tabs { display: flex; gap: 18px; padding: 10px 24px 0; border-bottom: 1px solid #ddd;
         font-size: 13px; color: #616061 } .tabs b { color: #1d1c1d; padding-bottom: 8px; border-bottom: 2px solid #1f7a55 }
.pane { padding: 16px } .pane h2 { font-size: 13px; color: #616061; margin-bottom: 8px; font-weight: 400 }
.prompt { border: 1px solid #ccc; border-radius: 10px; padding: 8px 12px; margin-bottom: 8px; font-size: 14px }
.entry { border: 1px solid #999; border-radius: 8px; padding: 8px 12px; color: #868686; margin-top: 40px }
"""
_THUMB = (
    "M1 7h3v7H1zM5 7l3-6c1.6 0 2 1 1.7 2.4L9.200 5.500h4c1 0 1.600.8 1.400 1.800l-1 5c-.2 1-.8 1.700-1.900 1.700H5z"
)


@dataclass(frozen=True, slots=True)
class Said:
    """What one person, or the bot, said."""

    markup: str


def person_says(text: str) -> Said:
    """A person's message."""
    shown = _escaped(text).replace("@maqal", '<span class="user">@maqal</span>')
    return _message("A", "", "Ada", f'<div class="said">{shown}</div>')


def bot_says(blocks: Sequence[Block], *, is_private: bool = False, note: str = "") -> Said:
    """The bot's message."""
    private = '<div class="private">Only visible to you</div>' if is_private else ""
    noted = f' <span class="note">{_escaped(note)}</span>' if note else ""
    drawn = "".join(map(_block, blocks))
    return _message("م", "bot", f'maqal</span> <span class="app">APP</span>{noted}<span>', drawn, private)


def conversation(said: Sequence[Said], *, title: str) -> str:
    """A page with messages."""
    return _page(f"<header>{_escaped(title)}</header>" + "".join(each.markup for each in said))


def home(blocks: Sequence[Block]) -> str:
    """App Home."""
    tabs = '<div class="tabs"><b>Home</b><span>Messages</span><span>About</span></div>'
    return _page(f'<header>maqal</header>{tabs}<div class="home">{"".join(map(_block, blocks))}</div>')


def prompts(title: str, questions: Sequence[str]) -> str:
    """The agent pane with suggested prompts."""
    drawn = "".join(f'<div class="prompt" dir="auto">{_escaped(question)}</div>' for question in questions)
    entry = '<div class="entry">Message maqal</div>'
    return _page(f'<header>maqal</header><div class="pane"><h2>{_escaped(title)}</h2>{drawn}{entry}</div>')


def _message(letter: str, kind: str, name: str, body: str, private: str = "") -> Said:
    return Said(
        f'<div class="message">{private}<div class="avatar {kind}">{letter}</div><div>'
        f'<span class="name">{name}</span> <span class="time">10:42</span>{body}</div></div>'
    )


def _page(body: str) -> str:
    return f'<!doctype html><html lang="en"><meta charset="utf-8"><style>{_STYLE}</style><body>{body}</body></html>'


def _block(block: Block) -> str:
    match block["type"]:
        case "section":
            inner = f'<div class="section">{_text(block["text"])}</div>'
        case "context":
            inner = f'<div class="context">{" ".join(map(_text, block["elements"]))}</div>'
        case "actions":
            inner = f'<div class="row">{"".join(map(_element, block["elements"]))}</div>'
        case "context_actions":
            inner = "".join(map(_element, block["elements"]))
        case "rich_text":
            inner = f'<div class="section">{"".join(map(_rich, block["elements"][0]["elements"]))}</div>'
        case "divider":
            return "<hr>"
        case other:
            raise ValueError(f"A block of type {other} is not drawn.")
    return f'<div class="block">{inner}</div>'


def _element(element: Block) -> str:
    match element["type"]:
        case "button":
            return f'<span class="button {element.get("style", "")}">{_text(element["text"])}</span>'
        case "static_select":
            chosen = element.get("initial_option") or {"text": element["placeholder"]}
            return f'<span class="menu">{_text(chosen["text"])}</span>'
        case "feedback_buttons":
            up, down = element["positive_button"], element["negative_button"]
            sides = f"<span>{_thumb()} {_text(up['text'])}</span><span>{_thumb(180)} {_text(down['text'])}</span>"
            return f'<div class="feedback">{sides}</div>'
        case other:
            raise ValueError(f"An element of type {other} is not drawn.")


def _rich(element: Block) -> str:
    return '<span class="user">@Ada</span>' if element["type"] == "user" else _escaped(element["text"])


def _thumb(turned: int = 0) -> str:
    turn = f'transform="rotate({turned} 8 8)"'
    return f'<svg width="14" height="14" viewBox="0 0 16 16" fill="#616061"><path {turn} d="{_THUMB}"/></svg>'


def _text(text: Block) -> str:
    assert text["type"] == "plain_text"
    return _emoji(text["text"])  # Its `& < >` are escaped already.


def _escaped(text: str) -> str:
    return _emoji(html.escape(text, quote=False))


def _emoji(markup: str) -> str:
    for emoji, (letter, colour) in _EMOJI.items():
        markup = markup.replace(emoji, f'<span class="emoji {colour}">{letter}</span>')
    return markup
