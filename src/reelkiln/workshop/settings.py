"""Settings, from the environment: each field as REELKILN_ and its name in capitals."""

from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from reelkiln.errors import UsageError

__all__ = ["PREFIX", "Settings", "read_settings"]

PREFIX = "REELKILN_"


class Settings(BaseSettings):
    """What a person may set once instead of saying it in every command."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore"
    )

    model: str = Field(default="auto", description="the model of `make` where --model is not said")
    state: Path | None = Field(
        default=None, description="the folder of the ledger and of work in progress"
    )
    cache: Path | None = Field(default=None, description="the Hugging Face cache, where models lie")
    signing_chain: Path | None = Field(
        default=None, description="your own certificate for labels, in PEM, its issuer's behind it"
    )
    signing_key: Path | None = Field(
        default=None, description="the key of that certificate, in PEM"
    )


def read_settings() -> Settings:
    """The settings of this process's environment.

    Raises:
        UsageError: a variable has a value that its setting cannot have.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + "".join(str(part) for part in first["loc"]).upper()
        raise UsageError(
            f"the environment variable {name}: {first['msg']}", hint="Correct it or unset it."
        ) from error
