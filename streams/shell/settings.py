"""Every setting, one line each: its name, its type, its default, and what it is for.

Each can be given as a flag of the commands that use it (not what is secret), as an environment variable
`QUOTASTREAM_<NAME>`, or in a file; that one comes before the other in this order (`setting_sources.py`). The flags of
commands, `quotastream config show` and docs/settings.md are made from these classes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeVar, get_args

from platformdirs import user_data_path
from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator

from streams.shell.setting_sources import (
    FromSources,
    SettingError,
    Source,
    flag_of,
    refuse_unknown,
    sources,
    variable_of,
)

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

Some = TypeVar("Some", bound=FromSources)


def load(kind: type[Some], **given: Any) -> Some:
    """Return settings as they are given (here, or in a source); SettingError names the first that is wrong."""
    refuse_unknown(Settings.model_fields)
    try:
        return kind(**given)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        said = " ".join(first["msg"].removeprefix("Value error, ").split())
        if not first["loc"]:
            raise SettingError(said) from None
        field = str(first["loc"][0])
        source = origin(field, sources(kind))
        if field in given or source is None:
            raise SettingError(said, variable_of(field)) from None
        flag = flag_of(field) if source.kind == "flag" else None
        raise SettingError(said, source.names(field), flag) from None


def origin(field: str, found: list[Source]) -> Source | None:
    """Return the source that a setting comes from; None for a default."""
    return next((source for source in found if field in source.values), None)


def is_secret(info: FieldInfo) -> bool:
    """Return whether a setting is never shown, and is no flag."""
    return SecretStr in get_args(info.annotation)


def default_data_dir() -> Path:
    """Return the platform's folder for this user's data of quotastream."""
    return user_data_path("quotastream")


def _prefix(text: str) -> str:
    if len(text) > 64 or not all(c.isascii() and (c.isalnum() or c in "._-") for c in text):
        raise ValueError("at most 64 letters, digits, '.', '_' and '-'")
    return text


class KafkaAccess(FromSources):
    """Who we are to Kafka, and how we know that it is Kafka (docs/operations.md, TLS and SASL)."""

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


class Installation(FromSources):
    """Which installation is meant, on which Kafka."""

    bootstrap_servers: str | None = Field(
        default=None, description="the Kafka to use, as host:port[,host:port]; none: the embedded one"
    )
    prefix: Annotated[str, AfterValidator(_prefix)] = Field(
        default="", description="what stands before every name of this installation in Kafka"
    )


class TopicSettings(FromSources):
    """The topics that are made, by a worker or by `topics create`."""

    partitions: int = Field(default=4, ge=1, le=10_000, description="of each topic that is missing")


class ClockSettings(FromSources):
    """Which day it is, to a worker and to commands that ask about today."""

    settle_seconds: int = Field(default=60, ge=0, description="the day turns this long after midnight UTC")
    clock_file: Path | None = Field(
        default=None,
        description="a file with an RFC 3339 time, in place of the system's clock: for rehearsals and tests",
    )


class ProcessSettings(FromSources):
    """What a process that stays says of itself."""

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="how much is logged, on stderr"
    )
    log_format: Literal["auto", "human", "json"] = Field(
        default="auto", description="how it is logged; auto: for people on a terminal, else JSON, one line an event"
    )
    metrics_port: int | None = Field(
        default=None, ge=0, le=65535, description="serve /metrics, /livez and /readyz on this port"
    )
    metrics_host: str = Field(
        default="127.0.0.1", min_length=1, description="the address that port is of: loopback unless told otherwise"
    )


class WebSettings(ClockSettings, Installation):
    """The page's own (`quotastream web`)."""

    web_host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="where the page listens; it asks nobody who they are, so put a proxy that does before any other",
    )
    web_port: int | None = Field(
        default=None, ge=0, le=65535, description="the page's port; none: 8420, or a free one where that is taken"
    )


class MemberSettings(FromSources):
    """The membership in a consumer group, of a worker and of a notifier."""

    session_timeout_seconds: float = Field(
        default=10.0, ge=1, le=1800, description="one that is not heard of for so long loses its partitions"
    )
    group_instance_id: str | None = Field(
        default=None,
        pattern=r"^[a-zA-Z0-9_-][a-zA-Z0-9._-]{0,248}$",
        description="a name of this process that lasts: a restart within the session timeout moves nothing",
    )


class WorkerSettings(MemberSettings, ProcessSettings, ClockSettings, TopicSettings, Installation):
    """A worker's own."""

    state_dir: Path | None = Field(
        default=None, description="folder of the worker's local store; none: a free one in the user's data folder"
    )
    commit_seconds: float = Field(default=1.0, gt=0, description="how often input offsets are committed")
    fetch_bytes: int = Field(default=4 << 20, ge=1 << 16, description="most bytes of one partition in one fetch")
    metrics_per_group: int = Field(
        default=0, ge=0, le=10_000, description="metrics for each of up to so many groups; for small installations"
    )


class NotifySettings(MemberSettings, ProcessSettings, Installation):
    """A notifier's own (`quotastream notify`)."""

    alertmanager_url: str | None = Field(
        default=None, description="where Alertmanager is, such as http://host:9093; a cluster's, with commas between"
    )
    webhook_url: str | None = Field(default=None, description="where CloudEvents are posted to, in its place")
    webhook_url_file: Path | None = Field(default=None, description="a file with that address, where it is a secret")
    notify_username: str | None = Field(default=None, min_length=1, description="the user's name there")
    notify_password: SecretStr | None = Field(default=None, min_length=1, description="the user's password there")
    notify_password_file: Path | None = Field(default=None, description="a file with the password, in its place")
    notify_token: SecretStr | None = Field(default=None, min_length=1, description="a bearer token, in their place")
    notify_token_file: Path | None = Field(default=None, description="a file with the token, in its place")
    notify_ca_file: Path | None = Field(
        default=None, description="PEM file of the CAs that may sign the certificate there; none: the usual ones"
    )
    notify_name: str = Field(
        default="", pattern=r"^[a-zA-Z0-9._-]{0,64}$", description="tells notifiers apart that post to several places"
    )
    notify_resend_seconds: float = Field(
        default=60.0, ge=1, description="how often Alertmanager is told again what is open: under its resolve_timeout"
    )
    notify_timeout_seconds: float = Field(
        default=10.0, gt=0, le=60, description="a post without an answer has failed"
    )


class Settings(NotifySettings, WorkerSettings, WebSettings, KafkaAccess):
    """All that can be set."""
