"""The only place that knows how a client gets to Kafka: its arguments, and what to say where it doesn't get there.

Every client, of whatever library, is opened with what is here. The settings are read anew each time, so that a
password file which was changed counts from the next connection on.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
from typing import TYPE_CHECKING, Any, TypeVar

from kafka import KafkaProducer
from kafka.errors import (
    AuthorizationError,
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailedError,
    UnsupportedSaslMechanismError,
)
from pydantic import SecretStr

from streams.shell.setting_sources import SettingError, secret_in, variable_of
from streams.shell.settings import KafkaAccess, load

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

ANSWER_WITHIN_S = 10
LOOK_SECONDS = 2.0  # how long a look at a port may take, once no client got through it

#: Kafka is there and doesn't let us in, or we don't trust it: starting again doesn't help, other settings do.
REFUSED_EXIT_CODE = 5


class UnreachableError(Exception):
    """No Kafka answers; the text is one line that says what to do."""


class RefusedError(UnreachableError):
    """Kafka answers, but one of the two doesn't trust the other; the text is one line that says what to do."""


Client = TypeVar("Client")
AnyClient = TypeVar("AnyClient", bound="AIOKafkaConsumer | AIOKafkaProducer")


def access() -> KafkaAccess:
    """Return how to get to Kafka; SettingError where that isn't well set."""
    return load(KafkaAccess)


def environment() -> dict[str, str]:
    """Return the variables by which another process of ours gets to Kafka as this one does."""
    settings = access()
    given = {name: getattr(settings, name) for name in settings.model_fields_set}
    plain = {name: v.get_secret_value() if isinstance(v, SecretStr) else str(v) for name, v in given.items()}
    return {variable_of(name): text for name, text in plain.items()}


def aiokafka(bootstrap_servers: str | list[str]) -> dict[str, Any]:
    """Return the arguments by which an aiokafka client gets to Kafka."""
    return {"bootstrap_servers": bootstrap_servers, **_common(access())}


def kafka_python(bootstrap_servers: str) -> dict[str, Any]:
    """Return the arguments by which a kafka-python client gets to Kafka."""
    return {"bootstrap_servers": bootstrap_servers, **_common(access())}


def faust_credentials() -> Any:
    """Return what Faust's own clients need to get to Kafka; None where that is nothing."""
    from faust import auth  # noqa: PLC0415  Faust takes a second to import

    settings = access()
    context = _context(settings) if settings.tls else None
    if settings.sasl:
        return auth.SASLCredentials(
            mechanism=settings.sasl_mechanism, username=settings.sasl_username, password=_password(settings),
            ssl_context=context,
        )  # fmt: skip
    return auth.SSLCredentials(context) if context else None


def opened(
    kind: Callable[..., Client], bootstrap_servers: str, within_s: float | None = None, **options: Any
) -> Client:
    """Return a kafka-python client that has reached Kafka within so many seconds (none named: ANSWER_WITHIN_S).

    UnreachableError or RefusedError where it couldn't.
    """
    arguments = kafka_python(bootstrap_servers)
    timeout_ms = int(1000 * (within_s or ANSWER_WITHIN_S))
    with _heard() as heard:
        try:
            return kind(**arguments, bootstrap_timeout_ms=timeout_ms, **options)
        except (KafkaError, OSError, ValueError) as error:
            reasons = [error, *heard]
            said = next((reason for reason in reasons if isinstance(reason, _SAYS_WHY)), error)
            raise failure(bootstrap_servers, said) from error


def idempotent_producer(bootstrap_servers: str, **options: Any) -> KafkaProducer:
    """Return a kafka-python producer that has reached Kafka: idempotent, acks from all, an end to every wait."""
    return opened(
        KafkaProducer,
        bootstrap_servers,
        acks="all",
        enable_idempotence=True,
        compression_type="lz4",
        max_block_ms=30_000,
        allow_auto_create_topics=False,
        request_timeout_ms=20_000,
        delivery_timeout_ms=30_000,
        metrics_enabled=False,
        **options,
    )


async def start(client: AnyClient) -> AnyClient:
    """Start an aiokafka client, and return it; where that fails or is broken off, what it opened is closed."""
    try:
        await client.start()
    except BaseException:
        await client.stop()
        raise
    return client


@contextlib.asynccontextmanager
async def started(client: AnyClient) -> AsyncIterator[AnyClient]:
    """Start an aiokafka client for a while."""
    await start(client)
    try:
        yield client
    finally:
        await client.stop()


#: What Kafka answers where it doesn't let us in; any other failure of a client says only that it got nowhere.
_SAYS_WHY = (AuthorizationError, SaslAuthenticationFailedError, UnsupportedSaslMechanismError, IllegalSaslStateError)


@contextlib.contextmanager
def _heard() -> Iterator[list[Exception]]:
    """Yield what kafka-python logs as the errors of its connections: it tries again, and raises that it timed out."""
    errors: list[Exception] = []

    class Hears(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            arguments = record.args if isinstance(record.args, tuple) else ()
            errors.extend(argument for argument in arguments if isinstance(argument, Exception))

    handler, clients = Hears(logging.WARNING), logging.getLogger("kafka")
    clients.addHandler(handler)
    try:
        yield errors
    finally:
        clients.removeHandler(handler)


def failure(bootstrap_servers: str, error: Exception) -> UnreachableError:
    """Return what to say of a client's failure."""
    settings = access()
    if isinstance(error, AuthorizationError):
        who = settings.sasl_username or "without a user"
        return RefusedError(
            f"Kafka at {bootstrap_servers} doesn't allow this to {who} ({error}): give it the ACLs of its role "
            "(deploy/acls.sh)"
        )
    if isinstance(error, SaslAuthenticationFailedError):
        return RefusedError(
            f"Kafka at {bootstrap_servers} refuses the user {settings.sasl_username} ({settings.sasl_mechanism}): is "
            "QUOTASTREAM_SASL_PASSWORD_FILE (or _PASSWORD) that user's, and QUOTASTREAM_SASL_MECHANISM right?"
        )
    if isinstance(error, UnsupportedSaslMechanismError | IllegalSaslStateError):
        return RefusedError(
            f"Kafka at {bootstrap_servers} doesn't offer {settings.sasl_mechanism} ({error}): name another in "
            "QUOTASTREAM_SASL_MECHANISM"
        )
    reason = _why(bootstrap_servers, settings)
    if reason:
        return RefusedError(reason)
    return UnreachableError(
        f"no Kafka answers at {bootstrap_servers} ({error}): is it running, and is that its address?"
    )


# --- arguments ---


def _common(settings: KafkaAccess) -> dict[str, Any]:
    """Return what kafka-python and aiokafka call by the same names."""
    arguments: dict[str, Any] = {"security_protocol": settings.security_protocol}
    if settings.tls:
        arguments["ssl_context"] = _context(settings)
    if settings.sasl:
        arguments |= {
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": settings.sasl_username,
            "sasl_plain_password": _password(settings),
        }
    return arguments


def _password(settings: KafkaAccess) -> str:
    if settings.sasl_password is not None:
        return settings.sasl_password.get_secret_value()
    assert settings.sasl_password_file is not None
    return secret_in("sasl_password_file", settings.sasl_password_file)


def _context(settings: KafkaAccess) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = settings.ssl_check_hostname
    if settings.ssl_ca_file is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody yet
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.check_hostname = settings.ssl_check_hostname
        with _readable("SSL_CA_FILE", settings.ssl_ca_file):
            context.load_verify_locations(settings.ssl_ca_file)
    if settings.ssl_cert_file is not None and settings.ssl_key_file is not None:
        file = settings.ssl_key_password_file
        # Without a password OpenSSL would ask the terminal for one.
        password = secret_in("ssl_key_password_file", file) if file else ""
        with _readable("SSL_CERT_FILE", settings.ssl_cert_file):
            context.load_cert_chain(settings.ssl_cert_file, settings.ssl_key_file, password)
    return context


@contextlib.contextmanager
def _readable(name: str, file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:  # ssl.SSLError is one
        raise SettingError(
            f"setting QUOTASTREAM_{name}: {file} can't be used ({error.strerror or type(error).__name__})"
        ) from None


# --- why nobody answers ---


def _why(bootstrap_servers: str, settings: KafkaAccess) -> str | None:
    """Return why a client doesn't get through though a server is there; None where none is, or it isn't known."""
    for server in bootstrap_servers.split(","):
        host, _, port = server.strip().rpartition(":")
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=LOOK_SECONDS) as plain:
                return _look(server, host.strip("[]"), plain, settings)
        except (OSError, ValueError):
            continue
    return None


def _look(server: str, host: str, plain: socket.socket, settings: KafkaAccess) -> str | None:
    """Try TLS on a connection; return what to say of it."""
    context = _context(settings) if settings.tls else _trusting()
    try:
        with context.wrap_socket(plain, server_hostname=host) as wrapped:
            if not settings.tls:
                return f"{server} speaks TLS: set QUOTASTREAM_SECURITY_PROTOCOL to SASL_SSL (or SSL)"
            _hear_refusal(wrapped)
    except ssl.SSLCertVerificationError as error:
        return _untrusted(server, host, error)
    except ssl.SSLError as error:
        if settings.tls and "CERTIFICATE" in (error.reason or ""):
            return (
                f"{server} asks for another client certificate ({error.reason}): name it in "
                "QUOTASTREAM_SSL_CERT_FILE and QUOTASTREAM_SSL_KEY_FILE"
            )
        return _no_tls(server, settings)
    except TimeoutError:
        return None
    except OSError:
        return _no_tls(server, settings)
    if settings.sasl:
        return (
            f"{server} closes the connection on the user {settings.sasl_username} ({settings.sasl_mechanism}): is "
            "QUOTASTREAM_SASL_PASSWORD_FILE (or _PASSWORD) that user's, and QUOTASTREAM_SASL_MECHANISM right?"
        )
    return f"{server} speaks TLS, but closes the connection: does it ask for SASL (QUOTASTREAM_SECURITY_PROTOCOL)?"


def _hear_refusal(wrapped: ssl.SSLSocket) -> None:
    """Wait for what a server says of our certificate: in TLS 1.3 that comes after the handshake."""
    with contextlib.suppress(TimeoutError):
        wrapped.recv(1)


def _trusting() -> ssl.SSLContext:
    """Return a context for a look alone: nothing is sent over it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _untrusted(server: str, host: str, error: ssl.SSLCertVerificationError) -> str:
    said = error.verify_message or error.reason
    if "ostname" in said or "IP address" in said:
        return (
            f"the certificate of {server} is not for {host} ({said}): name the broker as its certificate does, or "
            "set QUOTASTREAM_SSL_CHECK_HOSTNAME=false if you know why it differs"
        )
    return (
        f"the certificate of {server} is not trusted ({said}): name the file of the CA that signed it in "
        "QUOTASTREAM_SSL_CA_FILE"
    )


def _no_tls(server: str, settings: KafkaAccess) -> str | None:
    if settings.tls:
        return f"{server} doesn't speak TLS: is QUOTASTREAM_SECURITY_PROTOCOL {settings.security_protocol} right?"
    return None
