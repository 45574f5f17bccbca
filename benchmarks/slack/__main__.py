"""The command `python -m benchmarks.slack`: how soon the bot acknowledges what Slack delivers while it answers."""

import argparse
import asyncio
import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.serve.service import running_maqal, service
from benchmarks.serve.table import Row, markdown, milliseconds, percentile, read_questions, table
from benchmarks.slack.people import HttpDelivery, Measured, People, SocketDelivery
from index.exceptions import ConfigurationError, MaqalError
from tests.slack.slack_server import SlackServer

_DATA = Path(__file__).parents[2] / "tests" / "data"
_SECRET = "0123456789abcdef" * 2
_START_WAIT = 120.0  # seconds


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 0, or 2 after an error that the reader can mend."""
    options = _parser().parse_args(arguments)
    errors = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    questions = read_questions(_DATA / "questions")
    articles = sorted(path for path in (_DATA / "articles").iterdir() if path.suffix in {".txt", ".md"})
    before = os.getloadavg()[0]
    rows: list[Row] = []
    try:
        for mode, measure in (("Socket Mode", _socket_mode), ("HTTP mode", _http_mode)):
            errors.print(mode)
            rows += _rows(f"{mode}, {options.people} people", measure(articles, questions, options))
    except MaqalError as error:
        errors.print(f"{error.message}\n{error.fix}")
        return 2
    output = Console(highlight=False, markup=False, soft_wrap=options.markdown)
    output.print(
        f"Python {platform.python_version()} · {os.cpu_count()} CPUs, shared with Slack and the people"
        f" · {len(questions)} questions · load average {before:.1f} before, {os.getloadavg()[0]:.1f} after\n"
    )
    output.print(markdown(rows) if options.markdown else table(rows))
    return 0


def _socket_mode(articles: Sequence[Path], questions: Sequence[str], options: argparse.Namespace) -> Measured:
    slack = SlackServer()
    delivery = SocketDelivery()
    try:
        with slack.sockets(delivery.session), running_maqal(["slack"], articles, **_variables(slack)) as (process, log):
            deadline = time.monotonic() + _START_WAIT
            while not delivery.is_open.wait(0.1):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise ConfigurationError(f"The bot did not start: {log.read_text()[-2000:]}", "See what it says.")
            people = People(slack, delivery, questions)
            return asyncio.run(people.ask(options.people, options.seconds))
    finally:
        slack.close()


def _http_mode(articles: Sequence[Path], questions: Sequence[str], options: argparse.Namespace) -> Measured:
    slack = SlackServer()
    try:
        with service(articles, **_variables(slack)) as served:
            people = People(slack, HttpDelivery(served.url, _SECRET), questions)
            return asyncio.run(people.ask(options.people, options.seconds))
    finally:
        slack.close()


def _variables(slack: SlackServer) -> dict[str, str]:
    return {
        "SLACK_BOT_TOKEN": "xoxb-1",
        "SLACK_APP_TOKEN": "xapp-1",
        "SLACK_SIGNING_SECRET": _SECRET,
        "SLACK_API_URL": slack.api_url,
        "SLACK_USER_LIMIT": "1000000/minute",
        "SLACK_CHANNEL_LIMIT": "1000000/minute",
    }


def _rows(within: str, measured: Measured) -> list[Row]:
    p99 = percentile(measured.acknowledged, 99)
    per_second = len(measured.answered) / measured.seconds
    unanswered = measured.asked - len(measured.answered)
    return [
        Row(f"{within}: deliveries", "", f"{len(measured.acknowledged):,}"),
        Row("acknowledged, p50", "", milliseconds(percentile(measured.acknowledged, 50))),
        Row("acknowledged, p99", "< 1,000 ms", milliseconds(p99), p99 < 1),
        Row(
            "acknowledged, longest",
            "< 3,000 ms",
            milliseconds(max(measured.acknowledged)),
            max(measured.acknowledged) < 3,
        ),
        Row("answers in a second", "", f"{per_second:.1f}"),
        Row("from the question to its answer, p50", "", milliseconds(percentile(measured.answered, 50))),
        Row("from the question to its answer, p99", "", milliseconds(percentile(measured.answered, 99))),
        Row(
            "questions without a reply, or with two",
            "0",
            str(unanswered + measured.repeated),
            not (unanswered or measured.repeated),
        ),
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.slack", description=__doc__)
    parser.add_argument("--people", type=int, default=50, help="who ask at the same time (default 50)")
    parser.add_argument("--seconds", type=float, default=30, help="how long they ask (default 30)")
    parser.add_argument("--markdown", action="store_true", help="print Markdown")
    return parser


if __name__ == "__main__":
    sys.exit(main())
