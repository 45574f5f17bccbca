"""Settings from the environment, for commands: what is wrong there is told with the variable's name."""

from typing import TYPE_CHECKING, TypeVar

from index.exceptions import ConfigurationError

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

    S = TypeVar("S", bound=BaseSettings)


def load_settings(settings: "type[S]") -> "S":
    """Settings from the environment. Raises ConfigurationError with the variable's name."""
    from pydantic import ValidationError

    try:
        return settings()
    except ValidationError as error:
        problem = error.errors()[0]
        name = str(settings.model_config.get("env_prefix")) + "_".join(map(str, problem["loc"])).upper()
        raise ConfigurationError(
            f"{name} is {problem['input']!r}: {problem['msg']}.", f"Set {name} to a value that fits, or unset it."
        ) from error
