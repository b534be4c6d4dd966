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
    state_dir: Path | None = Field(
        default=None, description="folder of the worker's local store; none: a free one in the user's data folder"
    )
    partitions: int = Field(default=4, ge=1, le=10_000, description="of topics that a worker has to create")
    session_timeout_seconds: float = Field(
        default=10.0, ge=1, le=1800, description="a worker not heard of for so long loses its partitions"
    )
    group_instance_id: str | None = Field(
        default=None,
        description="a name of this worker that lasts: a restart within the session timeout moves nothing",
    )
    commit_seconds: float = Field(default=1.0, gt=0, description="how often input offsets are committed")
    fetch_bytes: int = Field(default=4 << 20, ge=1 << 16, description="most bytes of one partition in one fetch")
    clock_file: Path | None = Field(
        default=None,
        description="a file with an RFC 3339 time, in place of the system's clock: for rehearsals and tests",
    )
    metrics_port: int | None = Field(
        default=None, ge=0, le=65535, description="serve /metrics, /livez and /readyz on this port"
    )
    metrics_host: str = Field(
        default="127.0.0.1", min_length=1, description="the address that port is of: loopback unless told otherwise"
    )
    settle_seconds: int = Field(default=60, ge=0, description="the day turns this long after midnight UTC")
