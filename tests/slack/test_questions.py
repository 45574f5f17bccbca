"""Slack's markup in a question becomes what the person typed."""

import pytest

from bots.slack.questions import plain_question


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("<@U0BOT> Why?", "Why?"),
        ("<@W0BOT|maqal>   Why\nnow?", "Why now?"),
        ("Does <@U0BOT> know?", "Does know?"),
        ("What does <https://a.org/?a=1&amp;b=2|this page> say?", "What does this page say?"),
        ("What does <https://a.org/?a=1&amp;b=2> say?", "What does https://a.org/?a=1&b=2 say?"),
        ("Write to <mailto:a@b.org|a@b.org>?", "Write to a@b.org?"),
        ("In <#C1|politics> or <#C2>?", "In #politics or ?"),
        ("<!channel> <!subteam^S1|@desk> why?", "@desk why?"),
        ("On <!date^1^{date}|5 January>?", "On 5 January?"),
        ("R&amp;D &lt;5 &gt;3 &amp;lt;?", "R&D <5 >3 &lt;?"),
        ("لماذا؟", "لماذا؟"),
        ("<@U0BOT>", ""),
    ],
)
def test_plain_question(text: str, question: str) -> None:
    assert plain_question(text) == question
