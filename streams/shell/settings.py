"""Every setting, in two classes: the way to Kafka, which all commands share, and a worker's own.

Each can be given as an environment variable `QUOTASTREAM_<NAME>`; what is secret only so, or in a file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from platformdirs import user_data_path
from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Some = TypeVar("Some", bound=BaseSettings)


class SettingError(Exception):
    """A setting is not as it should be; the text is one line that names it and never what was given."""


def load(kind: type[Some], **given: Any) -> Some:
    """Return the settings that were given and those of the environment; SettingError names the first wrong one."""
    try:
        return kind(**given)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = "_".join(("QUOTASTREAM", *map(str, first["loc"]))).upper()
        said = " ".join(first["msg"].removeprefix("Value error, ").split())
        raise SettingError(f"setting {name}: {said}" if first["loc"] else said) from None


def default_data_dir() -> Path:
    """Return the platform's folder for this user's data of quotastream."""
    return user_data_path("quotastream")


class KafkaAccess(BaseSettings):
    """Who we are to Kafka, and how we know that it is Kafka (docs/operations.md, "TLS and SASL")."""

    # What was given may be a secret, so no error repeats it.
    model_config = SettingsConfigDict(env_prefix="QUOTASTREAM_", extra="ignore", hide_input_in_errors=True)

    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="as in every Kafka client: whether TLS is spoken, and whether SASL is"
    )
    sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = Field(
        default="SCRAM-SHA-512", description="how the password is proved; PLAIN sends it, so only with SASL_SSL"
    )
    sasl_username: str | None = Field(default=None, min_length=1, description="the user's name in Kafka")
    sasl_password: SecretStr | None = Field(default=None, min_length=1, description="the user's password")
    sasl_password_file: Path | None = Field(default=None, description="a file with the password, in its place")
    ssl_ca_file: Path | None = Field(
        default=None, description="PEM file of the CAs that may sign brokers' certificates; none: the system's"
    )
    ssl_cert_file: Path | None = Field(
        default=None, description="PEM file of our certificate, where one is asked for"
    )
    ssl_key_file: Path | None = Field(default=None, description="PEM file of that certificate's key")
    ssl_key_password_file: Path | None = Field(default=None, description="a file with that key's password")
    ssl_check_hostname: bool = Field(
        default=True, description="whether a broker's certificate has to be for the name that it is reached by"
    )

    @property
    def tls(self) -> bool:
        """Whether TLS is spoken."""
        return self.security_protocol.endswith("SSL")

    @property
    def sasl(self) -> bool:
        """Whether Kafka is told a user and a password."""
        return self.security_protocol.startswith("SASL_")

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        given = {name for name in self.model_fields_set if getattr(self, name) is not None}
        for part, used, word in (("sasl_", self.sasl, "SASL"), ("ssl_", self.tls, "TLS")):
            idle = sorted(name for name in given if name.startswith(part) and not used)
            if idle:  # or it would be taken for protected
                raise ValueError(
                    f"QUOTASTREAM_{idle[0].upper()} is given, but QUOTASTREAM_SECURITY_PROTOCOL is "
                    f"{self.security_protocol}, without {word}: set it to SASL_SSL, or give neither"
                )
        if self.sasl and self.sasl_username is None:
            raise ValueError(
                f"QUOTASTREAM_SECURITY_PROTOCOL {self.security_protocol} needs QUOTASTREAM_SASL_USERNAME"
            )
        if self.sasl and (self.sasl_password is None) == (self.sasl_password_file is None):
            raise ValueError(
                f"QUOTASTREAM_SECURITY_PROTOCOL {self.security_protocol}: give one of QUOTASTREAM_SASL_PASSWORD_FILE "
                "and QUOTASTREAM_SASL_PASSWORD"
            )
        if self.security_protocol == "SASL_PLAINTEXT" and self.sasl_mechanism == "PLAIN":
            raise ValueError("QUOTASTREAM_SASL_MECHANISM PLAIN would show the password to the network: use SASL_SSL")
        if (self.ssl_cert_file is None) != (self.ssl_key_file is None):
            raise ValueError(
                "QUOTASTREAM_SSL_CERT_FILE and QUOTASTREAM_SSL_KEY_FILE go together: give both or neither"
            )
        return self


class Settings(KafkaAccess):
    """What can be set from outside, with its default."""

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
