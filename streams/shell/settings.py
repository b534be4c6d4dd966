"""Every setting of a worker, one class; each can be given as an environment variable `QUOTASTREAM_<NAME>`."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_data_path
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


def default_data_dir() -> Path:
    """Return the platform's folder for this user's data of quotastream."""
    return user_data_path("quotastream")


class Settings(BaseSettings):
    """What can be set from outside, with its default."""

    model_config = SettingsConfigDict(env_prefix="QUOTASTREAM_", extra="ignore")

    bootstrap_servers: str | None = Field(
        default=None, description="host:port[,host:port] of the Kafka to use; none: the embedded broker"
    )
    prefix: str = Field(default="", pattern=r"^[a-zA-Z0-9._-]{0,64}$", description="put before every name in Kafka")
    state_dir: Path = Field(
        default_factory=lambda: default_data_dir() / "state", description="folder of the worker's local store"
    )
    settle_seconds: int = Field(default=60, ge=0, description="the day turns this long after midnight UTC")
