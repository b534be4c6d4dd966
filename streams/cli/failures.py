"""What may go wrong without a bug of ours: what is said of it, and the exit code."""

from __future__ import annotations

from kafka.errors import AuthorizationError, KafkaError

from streams.cli.common import CliError
from streams.devkafka.errors import BrokerError
from streams.shell.connection import REFUSED_EXIT_CODE, RefusedError, UnreachableError
from streams.shell.setting_sources import SettingError
from streams.shell.topic_admin import TopicAdminError
from streams.shell.versions import UNREADABLE_STATE_EXIT_CODE, UnreadableStateError

#: The exit code of each kind of error; the first that fits.
EXIT_CODES: dict[type[Exception], int] = {
    SettingError: 2,
    RefusedError: REFUSED_EXIT_CODE,
    AuthorizationError: REFUSED_EXIT_CODE,
    UnreadableStateError: UNREADABLE_STATE_EXIT_CODE,
    UnreachableError: 1,
    TopicAdminError: 1,
    BrokerError: 1,
    KafkaError: 1,
    OSError: 1,
}


def expected(error: Exception) -> tuple[str, int] | None:
    """Return what to say of an error and the exit code; None where it is a bug."""
    if isinstance(error, CliError):
        return str(error), error.exit_code
    code = next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), None)
    if code is None:
        return None
    if isinstance(error, AuthorizationError):
        return f"Kafka doesn't allow this ({error}): give the user the ACLs of its role (deploy/acls.sh)", code
    return str(error), code
