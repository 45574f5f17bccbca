"""`maqal serve`: the REST service, with Slack's HTTP mode on the same app where that is configured."""

import os
import threading
from typing import TYPE_CHECKING

from api import logs
from api.app import create_app
from api.server import serve as serve_api
from api.server import serve_in_workers
from api.settings import ApiSettings
from bots.settings import load_settings
from bots.slack.settings import SlackSettings
from index.settings import IndexSettings
from rag.settings import RagSettings

if TYPE_CHECKING:
    from fastapi import FastAPI


def serve(host: str | None, port: int | None, workers: int) -> None:
    """Answer over HTTP until a signal ends the process. Raises what the configuration has wrong."""
    # Workers read their settings from the environment, too.
    for name, value in (("API_HOST", host), ("API_PORT", port)):
        if value is not None:
            os.environ[name] = str(value)
    index_settings, rag_settings = load_settings(IndexSettings), load_settings(RagSettings)
    api_settings, slack_settings = load_settings(ApiSettings), load_settings(SlackSettings)
    if workers == 1:
        serve_api(index_settings, rag_settings, api_settings, lambda app: _add_slack(app, slack_settings))
    else:
        serve_in_workers("bots.serving:worker", workers, index_settings, rag_settings, api_settings)


def worker() -> "FastAPI":
    """The app of one worker, configured by the environment."""
    _lock_progress_bars_by_thread()
    api_settings = load_settings(ApiSettings)
    logs.configure(api_settings)
    app = create_app(load_settings(IndexSettings), load_settings(RagSettings), api_settings)
    _add_slack(app, load_settings(SlackSettings))
    return app


def _lock_progress_bars_by_thread() -> None:
    """Have tqdm not lock between processes: nobody would free that lock when a signal ends a worker."""
    from tqdm import tqdm  # type: ignore[import-untyped]

    tqdm.set_lock(threading.RLock())


def _add_slack(app: "FastAPI", settings: SlackSettings) -> None:
    if settings.signing_secret.get_secret_value():
        from bots.slack.http_mode import mount

        mount(app, lambda: app.state.engine, settings)
