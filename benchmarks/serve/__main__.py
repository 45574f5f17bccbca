"""The command `python -m benchmarks.serve`: load on a real service on loopback, and a table of what it held."""

import argparse
import asyncio
import os
import platform
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.serve.load import Crowd, first_events, many_clients, one_client
from benchmarks.serve.malformed import CLOSED, HANGS, send_malformed
from benchmarks.serve.service import Service, service
from benchmarks.serve.table import Row, markdown, milliseconds, percentile, read_questions, table
from index.exceptions import MaqalError

_DATA = Path(__file__).parents[2] / "tests" / "data"
_WARM, _STREAMS, _MALFORMED = 500, 200, 10_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 0, or 2 after an error that the reader can mend."""
    options = _parser().parse_args(arguments)
    errors = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    questions = read_questions(options.data / "questions")
    articles = sorted(path for path in (options.data / "articles").iterdir() if path.suffix in {".txt", ".md"})
    loads = [os.getloadavg()[0]]
    try:
        with service(articles) as served:
            rows = asyncio.run(_measure(served, questions, options, errors.print))
    except MaqalError as error:
        errors.print(f"{error.message}\n{error.fix}")
        return 2
    loads.append(os.getloadavg()[0])
    output = Console(highlight=False, markup=False, soft_wrap=options.markdown)
    output.print(
        f"Python {platform.python_version()} · {os.cpu_count()} CPUs, shared with the clients"
        f" · {len(questions)} questions · load average {loads[0]:.1f} before, {loads[1]:.1f} after\n"
    )
    output.print(markdown(rows) if options.markdown else table(rows))
    return 0


async def _measure(
    served: Service, questions: Sequence[str], options: argparse.Namespace, tell: Callable[[str], object]
) -> list[Row]:
    share = 0.1 if options.quick else 1.0
    tell("one client")
    began, asked = served.processor_time(), round(_WARM * share)
    alone = await one_client(served.url, questions, asked)
    worked = (served.processor_time() - began) / (asked + len(questions))
    tell("streams")
    first = await first_events(served.url, questions, round(_STREAMS * share))
    tell(f"{options.clients} clients")
    crowd = await many_clients(served.url, questions, options.clients, options.seconds * share, served.memory)
    tell("malformed requests")
    malformed = await send_malformed(served.url, round(_MALFORMED * share))
    alive = await first_events(served.url, questions[:1], 1)
    failures = sum(count for status, count in malformed.items() if status.startswith("5"))
    statuses = ", ".join(f"{count:,} × {status}" for status, count in sorted(malformed.items()))
    return [
        Row("from process start to ready", "", f"{served.ready_after:.2f} s"),
        Row("one client, p50", "≤ 30 ms", milliseconds(percentile(alone, 50)), percentile(alone, 50) <= 0.03),
        Row("one client, p95", "", milliseconds(percentile(alone, 95))),
        Row("processor time of an answer, mean", "", milliseconds(worked)),
        Row(
            "first event of a stream, p95",
            "≤ 100 ms",
            milliseconds(percentile(first, 95)),
            percentile(first, 95) <= 0.1,
        ),
        *_crowd_rows(crowd, options.clients),
        Row("malformed requests", f"{_MALFORMED:,}", statuses),
        Row("5xx among them", "0", str(failures), failures == 0),
        Row("that did not end", "0", str(malformed[HANGS]), malformed[HANGS] == 0),
        Row(f"“{CLOSED}” without a response", "", str(malformed[CLOSED])),
        Row("first event of a stream after them", "", milliseconds(alive[0])),
    ]


def _crowd_rows(crowd: Crowd, clients: int) -> list[Row]:
    statuses = ", ".join(f"{count:,} × {status or 'none'}" for status, count in sorted(crowd.statuses.items()))
    errors = sum(count for status, count in crowd.statuses.items() if status not in {200, 429, 503})
    within, p99 = f"{clients} clients, {crowd.seconds:.0f} s", percentile(crowd.answered, 99)
    # Caches fill in the first seconds: flat is what comes after.
    settled = crowd.memory[1:] or crowd.memory
    grown = settled[-1] - settled[0]
    return [
        Row(f"{within}: responses", "", statuses),
        Row("errors but 429 and 503", "0", str(errors), errors == 0),
        Row("answers, p50", "", milliseconds(percentile(crowd.answered, 50))),
        Row("answers, p99", "≤ 2,000 ms", milliseconds(p99), p99 <= 2),
        Row("answers in a second", "", f"{len(crowd.answered) / crowd.seconds:.1f}"),
        Row("refusals, p99", "", milliseconds(percentile(crowd.refused, 99))),
        Row(
            "/healthz meanwhile, p99",
            "≤ 100 ms",
            milliseconds(percentile(crowd.alive, 99)),
            percentile(crowd.alive, 99) <= 0.1,
        ),
        Row("memory, each 10 s", "flat", " ".join(f"{each:.0f}" for each in crowd.memory) + " MiB", grown < 10),
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serve", description=__doc__)
    parser.add_argument("--data", type=Path, default=_DATA, help="folder with articles/ and questions/")
    parser.add_argument("--clients", type=int, default=50, help="clients at once (default 50)")
    parser.add_argument("--seconds", type=float, default=60, help="how long they ask (default 60)")
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    parser.add_argument("--markdown", action="store_true", help="print Markdown")
    return parser


if __name__ == "__main__":
    sys.exit(main())
