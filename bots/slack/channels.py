"""Which article a channel or a person asks, and in which language a person wants answers; on disk."""

from pathlib import Path

from bots.slack.inbox import Job
from index.sqlite_file import SqliteStore

_TABLES = """
CREATE TABLE IF NOT EXISTS chosen_articles (
    team TEXT NOT NULL, place TEXT NOT NULL, article_id TEXT NOT NULL, PRIMARY KEY (team, place));
CREATE TABLE IF NOT EXISTS chosen_languages (
    team TEXT NOT NULL, user TEXT NOT NULL, language TEXT NOT NULL, PRIMARY KEY (team, user));
"""


class Choices(SqliteStore):
    """Safe for threads and processes; it shares the inbox's file. Raises DataDirectoryError or CatalogDamaged.

    A place is a channel, or a person for what they ask the bot alone.
    """

    contents = "Slack's settings"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with self._database() as db:
            db.executescript(_TABLES)

    def article(self, team: str, place: str) -> str:
        """The id of the article that is asked in a place; empty for all."""
        return self._get("SELECT article_id FROM chosen_articles WHERE team = ? AND place = ?", team, place)

    def choose_article(self, team: str, place: str, article_id: str) -> None:
        """Ask one article in a place from now on; with an empty id, all."""
        self._set("chosen_articles", team, place, article_id)

    def language(self, team: str, user: str) -> str:
        """The language (ISO 639-1) in which a person wants answers; empty for that of each question."""
        return self._get("SELECT language FROM chosen_languages WHERE team = ? AND user = ?", team, user)

    def choose_language(self, team: str, user: str, language: str) -> None:
        """Answer a person in a language from now on; with an empty one, in that of each question."""
        self._set("chosen_languages", team, user, language)

    def _get(self, query: str, *values: str) -> str:
        with self._database() as db:
            row = db.execute(query, values).fetchone()
        return row[0] if row else ""

    def _set(self, table: str, *values: str) -> None:
        with self._database() as db:
            db.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?)", values)  # noqa: S608 - ours


def place_of(job: Job) -> str:
    """The place whose article a job asks: a conversation with the bot alone is its person's."""
    return job.user if is_direct(job.channel) else job.channel


def is_direct(channel: str) -> bool:
    """Whether a channel is a conversation of one person with the bot."""
    return channel.startswith("D")
