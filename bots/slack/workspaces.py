"""Where the bot is installed: in one workspace by its token, or in many by OAuth, with their tokens in a store.

Nothing here calls Slack before an event is acknowledged, but for the one `auth.test` that tells which workspace the
one token is for.
"""

import logging
import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slack_bolt import BoltRequest, BoltResponse
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.error import BoltError
from slack_bolt.oauth import OAuthFlow
from slack_bolt.oauth.oauth_settings import OAuthSettings
from slack_bolt.request.internals import extract_enterprise_id, extract_is_enterprise_install, extract_team_id
from slack_sdk import WebClient
from slack_sdk.errors import SlackTokenRotationError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler
from slack_sdk.oauth import OAuthStateStore
from slack_sdk.oauth.installation_store import Bot, FileInstallationStore, Installation, InstallationStore
from slack_sdk.oauth.state_store import FileOAuthStateStore
from slack_sdk.oauth.token_rotation import TokenRotator

from bots.slack.rate_limits import Pace, PacedClient
from bots.slack.settings import SlackSettings
from index.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

INSTALL_PATH = "/slack/install"
REDIRECT_PATH = "/slack/oauth_redirect"
_STATE_SECONDS = 600
_RETRIES = 3  # each waits as long as Slack says
_STORE_FIX = "SLACK_INSTALLATIONS is a directory, or like postgresql://user:password@host/database"

# At DEBUG slack_sdk logs what it sends and gets, at INFO Bolt a request with a wrong signature: somebody's question.
logger = logging.getLogger("bots.slack.bolt")


class NotInstalled(ConfigurationError):
    """The workspace of a request has removed the app."""


class Workspaces(ABC):
    """The workspaces of the app, and the clients that act in them."""

    def __init__(self, settings: SlackSettings) -> None:
        logger.setLevel(logging.WARNING)
        self.settings = settings
        self.base_url = settings.api_url.rstrip("/") + "/"
        self._pace = Pace(settings.message_interval)

    def open_client(self, token: str | None) -> WebClient:
        """A client that keeps to Slack's limits, and never posts twice by itself.

        slack_sdk's own client repeats a call whose connection broke, though Slack may have done what it asked.
        """
        return PacedClient(
            token,
            base_url=self.base_url,
            logger=logger,
            retry_handlers=[RateLimitErrorRetryHandler(max_retry_count=_RETRIES)],
            pace=self._pace,
        )

    def authorize(self, body: "Mapping[str, Any]") -> AuthorizeResult | None:
        """The bot as the workspace knows it from which a body came; None where it is foreign, or not allowed."""
        origin = _origin(body)
        return self._authorize(origin) if self._is_allowed(origin.enterprise, origin.team) else None

    def client(self, body: "Mapping[str, Any]") -> WebClient:
        """A client of the workspace from which a body came. Raises NotInstalled, and what the token store raises."""
        return self.open_client(self._token(_origin(body)))

    @abstractmethod
    def forget(self, body: "Mapping[str, Any]") -> None:
        """Delete what was kept of a workspace that removed the app."""

    def close(self) -> None:  # noqa: B027 - one workspace has nothing to close
        """Close what the tokens are kept in."""

    def _is_allowed(self, enterprise: str | None, team: str | None) -> bool:
        allowed = self.settings
        return (not allowed.teams or team in allowed.teams) and (
            not allowed.enterprises or enterprise in allowed.enterprises
        )

    @abstractmethod
    def _authorize(self, origin: "_Origin") -> AuthorizeResult | None: ...

    @abstractmethod
    def _token(self, origin: "_Origin") -> str: ...


class OneWorkspace(Workspaces):
    """The workspace, or the organisation, of SLACK_BOT_TOKEN."""

    def __init__(self, settings: SlackSettings) -> None:
        """Raises ConfigurationError where the token is missing or malformed."""
        super().__init__(settings)
        self._bot_token = settings.require_bot_token()
        self._lock = threading.Lock()
        self._identity: dict[str, Any] = {}

    def identity(self) -> dict[str, Any]:
        """What Slack says of the token, asked once. Raises SlackApiError, and what urllib raises."""
        with self._lock:
            if not self._identity:
                response = self.open_client(self._bot_token).auth_test()
                assert isinstance(response.data, dict)  # noqa: S101 - only a download is bytes
                self._identity = response.data
        return self._identity

    def forget(self, body: "Mapping[str, Any]") -> None:
        """Nothing is kept."""

    def _authorize(self, origin: "_Origin") -> AuthorizeResult | None:
        own = self.identity()
        is_own_organisation = own.get("is_enterprise_install") and origin.enterprise == own.get("enterprise_id")
        if origin.team != own["team_id"] and not (origin.enterprise and is_own_organisation):
            return None
        return AuthorizeResult(
            enterprise_id=origin.enterprise,
            team_id=origin.team,
            bot_id=own.get("bot_id"),
            bot_user_id=own.get("user_id"),
            bot_token=self._bot_token,
        )

    def _token(self, origin: "_Origin") -> str:  # noqa: ARG002 - there is but one
        return self._bot_token


class ManyWorkspaces(Workspaces):
    """Workspaces that installed the app at `/slack/install`; tokens that expire are renewed."""

    def __init__(self, settings: SlackSettings) -> None:
        """Raises ConfigurationError."""
        super().__init__(settings)
        self._client_id, self._client_secret = settings.require_client()
        self.store, self._states = _stores(settings.installations.get_secret_value().strip(), self._client_id)
        self._rotating = threading.Lock()

    def oauth_flow(self) -> OAuthFlow:
        """The pages with which a workspace installs the app."""
        flow = _Flow(
            client=self.open_client(None),
            logger=logger,
            settings=OAuthSettings(
                client_id=self._client_id,
                client_secret=self._client_secret,
                scopes=manifest_scopes(),
                install_path=INSTALL_PATH,
                redirect_uri_path=REDIRECT_PATH,
                authorization_url=self.base_url.removesuffix("api/") + "oauth/v2/authorize",
                installation_store=self.store,
                state_store=self._states,
                state_expiration_seconds=_STATE_SECONDS,
                logger=logger,
            ),
        )
        flow.is_allowed = self._is_allowed
        return flow

    def count(self) -> int:
        """How many workspaces and organisations installed the app. Raises ConfigurationError."""
        if isinstance(self.store, FileInstallationStore):
            return len(list(Path(self.store.base_dir).glob("*/bot-latest")))
        import sqlalchemy
        from slack_sdk.oauth.installation_store.sqlalchemy import SQLAlchemyInstallationStore

        assert isinstance(self.store, SQLAlchemyInstallationStore)  # noqa: S101 - there are two
        columns = self.store.bots.c
        of_the_app = sqlalchemy.and_(columns.client_id == self._client_id, columns.bot_token.is_not(None))
        places = sqlalchemy.select(columns.enterprise_id, columns.team_id).where(of_the_app).distinct().subquery()
        try:
            with self.store.engine.connect() as database:
                count: int = database.execute(
                    sqlalchemy.select(sqlalchemy.func.count()).select_from(places)
                ).scalar_one()
        except sqlalchemy.exc.SQLAlchemyError as error:
            raise _database_unusable(error) from error
        return count

    def close(self) -> None:
        """Close what the tokens are kept in."""
        if not isinstance(self.store, FileInstallationStore):
            self.store.engine.dispose()  # type: ignore[attr-defined]

    def forget(self, body: "Mapping[str, Any]") -> None:
        """Delete the tokens of a workspace that removed the app."""
        origin = _origin(body)
        self.store.delete_all(enterprise_id=origin.enterprise, team_id=None if origin.is_org else origin.team)

    def _authorize(self, origin: "_Origin") -> AuthorizeResult | None:
        bot = self._bot(origin)
        if bot is None:
            return None
        return AuthorizeResult(
            enterprise_id=origin.enterprise,
            team_id=origin.team,
            bot_id=bot.bot_id,
            bot_user_id=bot.bot_user_id,
            bot_token=bot.bot_token,
        )

    def _token(self, origin: "_Origin") -> str:
        # One at a time: a refresh token is good for one use.
        with self._rotating:
            bot = self._bot(origin)
            if bot is None:
                raise NotInstalled(
                    f"The app is not installed in the workspace {origin.team or origin.enterprise} any more.",
                    f"Install it again at {INSTALL_PATH}.",
                )
            rotator = TokenRotator(
                client=self.open_client(None), client_id=self._client_id, client_secret=self._client_secret
            )
            try:
                rotated = rotator.perform_bot_token_rotation(bot=bot)
            except SlackTokenRotationError:
                # Another process may have been faster: what it saved counts, else the token that lasts a while yet.
                return (self._bot(origin) or bot).bot_token
            if rotated:
                self.store.save_bot(rotated)
            return (rotated or bot).bot_token

    def _bot(self, origin: "_Origin") -> Bot | None:
        return self.store.find_bot(
            enterprise_id=origin.enterprise, team_id=origin.team, is_enterprise_install=origin.is_org
        )


class _Flow(OAuthFlow):
    """Bolt's flow, which installs the app only where it is allowed."""

    is_allowed: Any

    def store_installation(self, request: BoltRequest, installation: Installation) -> None:
        if not self.is_allowed(installation.enterprise_id, installation.team_id):
            raise BoltError("This workspace may not install the app (SLACK_TEAMS, SLACK_ENTERPRISES).")
        super().store_installation(request, installation)

    def handle_callback(self, request: BoltRequest) -> BoltResponse:
        # The file store makes a file name of the state, which anyone may have sent.
        if not all(state.replace("-", "").isalnum() for state in request.query.get("state", [])):
            return BoltResponse(status=400, body="The state is malformed. Begin again at the install page.")
        return super().handle_callback(request)


def open_workspaces(settings: SlackSettings) -> OneWorkspace | ManyWorkspaces:
    """The one workspace of SLACK_BOT_TOKEN, or those of SLACK_INSTALLATIONS. Raises ConfigurationError."""
    return ManyWorkspaces(settings) if settings.has_many_workspaces else OneWorkspace(settings)


def manifest_scopes() -> list[str]:
    """The bot scopes that the manifest asks for."""
    import yaml  # type: ignore[import-untyped]

    manifest = yaml.safe_load(resources.files("bots").joinpath("slack/manifest.yaml").read_text(encoding="utf-8"))
    scopes: list[str] = manifest["oauth_config"]["scopes"]["bot"]
    return scopes


@dataclass(frozen=True, slots=True)
class _Origin:
    """Which installation a request belongs to; an organisation's may name no workspace."""

    enterprise: str | None
    team: str | None
    is_org: bool


def _origin(body: "Mapping[str, Any]") -> _Origin:
    body = dict(body)
    return _Origin(extract_enterprise_id(body), extract_team_id(body), bool(extract_is_enterprise_install(body)))


def _stores(place: str, client_id: str) -> tuple[InstallationStore, OAuthStateStore]:
    if "://" in place:
        return _sql_stores(place, client_id)
    directory = Path(place).expanduser()
    try:
        # It holds tokens: nobody else reads it.
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
    except OSError as error:
        raise ConfigurationError(f"SLACK_INSTALLATIONS cannot be used: {error}.", _STORE_FIX) from error
    return (
        FileInstallationStore(base_dir=str(directory), client_id=client_id, logger=logger),
        FileOAuthStateStore(
            base_dir=str(directory / "states"), client_id=client_id, expiration_seconds=_STATE_SECONDS, logger=logger
        ),
    )


def _sql_stores(url: str, client_id: str) -> tuple[InstallationStore, OAuthStateStore]:
    import sqlalchemy
    from slack_sdk.oauth.installation_store.sqlalchemy import SQLAlchemyInstallationStore
    from slack_sdk.oauth.state_store.sqlalchemy import SQLAlchemyOAuthStateStore

    if url.startswith("postgresql://"):
        url = url.replace("postgresql://", "postgresql+psycopg://", 1)
    try:
        engine = sqlalchemy.create_engine(url, pool_pre_ping=True)
        store = SQLAlchemyInstallationStore(client_id=client_id, engine=engine, logger=logger)
        states = SQLAlchemyOAuthStateStore(expiration_seconds=_STATE_SECONDS, engine=engine, logger=logger)
        store.create_tables()  # type: ignore[no-untyped-call]
        states.create_tables()  # type: ignore[no-untyped-call]
    except ImportError as error:
        raise ConfigurationError(
            "The driver for the database of SLACK_INSTALLATIONS is not installed.",
            "Install it with `pip install 'maqal[postgres]'`.",
        ) from error
    except sqlalchemy.exc.SQLAlchemyError as error:
        raise _database_unusable(error) from error
    return store, states


def _database_unusable(error: Exception) -> ConfigurationError:
    # Neither the address nor the error's own words: both may hold the password.
    return ConfigurationError(
        f"The database of SLACK_INSTALLATIONS cannot be used ({type(error).__name__}).", _STORE_FIX
    )
