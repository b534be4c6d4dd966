"""Where `quotastream notify` posts to: Alertmanager, or any webhook that takes CloudEvents.

A post is accepted (2xx) or it is not; whoever posts tries again. Not here: when (`notifier.py`).
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from streams.shell import alertmanager
from streams.shell.setting_sources import SettingError, secret_in, variable_of

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from pydantic import SecretStr

    from streams.shell.alertmanager import Body, Change
    from streams.shell.settings import NotifySettings

ALERTS_A_POST = 256
POST_SECONDS = 5.0  # then whoever posts looks after its membership, and whether it is to stop
ACCEPTED = range(200, 300)


class NotAcceptedError(Exception):
    """A post failed; the text is one line, without what was posted or a secret of the address."""

    def __init__(self, said: str, retry_after_seconds: float = 0.0) -> None:
        super().__init__(said)
        self.retry_after_seconds = retry_after_seconds


class Waiting(NamedTuple):
    """A message that waits to be posted, with its CloudEvents attributes."""

    change: Change
    attributes: dict[str, str]


class Target(Protocol):
    """Where alerts are posted."""

    name: str
    resend_seconds: float | None  # how often all open episodes are posted again; None: never

    def post(self, waiting: deque[Waiting], open_now: Collection[Body]) -> None:
        """Post what waits, for POST_SECONDS at most; take off what was accepted. NotAcceptedError where one isn't."""

    def post_again(self, open_now: Collection[Body]) -> None:
        """Post all open episodes. NotAcceptedError where that fails."""


def target(settings: NotifySettings) -> Target:
    """Return the one target that is set; SettingError where none is, or two."""
    webhook = settings.webhook_url
    if settings.webhook_url_file is not None:
        webhook = secret_in("webhook_url_file", settings.webhook_url_file)
    if (settings.alertmanager_url is None) == (webhook is None):
        raise SettingError("give one of --alertmanager-url and --webhook-url (or its file): where shall alerts go?")
    http = _Http(settings)
    if webhook is not None:
        return Webhook(_checked("webhook_url", webhook), http)
    assert settings.alertmanager_url is not None
    addresses = [_checked("alertmanager_url", url.strip()) for url in settings.alertmanager_url.split(",")]
    return Alertmanager(addresses, http, settings.notify_resend_seconds)


class Alertmanager:
    """All members of an Alertmanager cluster: each is posted to, and one that accepts is enough."""

    def __init__(self, addresses: Sequence[str], http: _Http, resend_seconds: float) -> None:
        self.name = f"Alertmanager at {', '.join(map(_shown, addresses))}"
        self.resend_seconds: float | None = resend_seconds
        self._addresses = [f"{address.rstrip('/')}/api/v2/alerts" for address in addresses]
        self._http = http

    def post(self, waiting: deque[Waiting], open_now: Collection[Body]) -> None:
        """See Target. All at once: what is accepted in part is posted again as a whole, which changes nothing."""
        self._post(alertmanager.told([item.change for item in waiting], open_now, datetime.now(UTC)))
        waiting.clear()

    def post_again(self, open_now: Collection[Body]) -> None:
        """See Target."""
        self._post(alertmanager.still_firing(open_now, datetime.now(UTC)))

    def _post(self, alerts: list[dict[str, Any]]) -> None:
        for at in range(0, len(alerts), ALERTS_A_POST):
            failures = [f for url in self._addresses if (f := self._failure(url, alerts[at : at + ALERTS_A_POST]))]
            if len(failures) == len(self._addresses):
                raise failures[0]

    def _failure(self, url: str, alerts: list[dict[str, Any]]) -> NotAcceptedError | None:
        try:
            self._http.post(url, alerts, "application/json")
        except NotAcceptedError as error:
            return error
        return None


class Webhook:
    """Anything that takes CloudEvents in JSON's structured mode, one a post, in the order of each group."""

    resend_seconds: float | None = None

    def __init__(self, address: str, http: _Http) -> None:
        self.name = f"webhook at {_shown(address)}"
        self._address = address
        self._http = http

    def post(self, waiting: deque[Waiting], open_now: Collection[Body]) -> None:  # noqa: ARG002  a Target's
        """See Target."""
        until = time.monotonic() + POST_SECONDS
        while waiting and time.monotonic() < until:
            body, attributes = waiting[0].change.body, waiting[0].attributes
            event = {**attributes, "datacontenttype": "application/json", "data": body}
            self._http.post(self._address, event, "application/cloudevents+json; charset=utf-8")
            waiting.popleft()

    def post_again(self, open_now: Collection[Body]) -> None:
        """See Target."""


class _Http:
    """Posts JSON with the credentials that are set; they are read anew at each post, so that they can change."""

    def __init__(self, settings: NotifySettings) -> None:
        self._settings = settings
        self._session = requests.Session()
        if settings.notify_ca_file is not None:
            self._session.verify = str(settings.notify_ca_file)
        _auth(settings)  # what can't be used stops us before anything is read

    def post(self, url: str, body: Any, content_type: str) -> None:
        """Post; NotAcceptedError for all but a 2xx within the time that is set."""
        try:
            with self._session.post(
                url, json=body, headers={"Content-Type": content_type}, auth=_auth(self._settings),
                timeout=self._settings.notify_timeout_seconds, allow_redirects=False, stream=True,
            ) as answer:  # fmt: skip
                if answer.status_code not in ACCEPTED:
                    after = answer.headers.get("Retry-After", "")
                    raise NotAcceptedError(
                        f"{_shown(url)} answers {answer.status_code}", float(after) if after.isdecimal() else 0.0
                    )
        except (requests.RequestException, OSError) as error:
            raise NotAcceptedError(f"{_shown(url)} can't be posted to ({type(error).__name__})") from error
        except SettingError as error:
            raise NotAcceptedError(str(error)) from error


class _Bearer(AuthBase):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _auth(settings: NotifySettings) -> AuthBase | None:
    token = _secret("notify_token", settings.notify_token, settings.notify_token_file)
    password = _secret("notify_password", settings.notify_password, settings.notify_password_file)
    if token is not None and (password is not None or settings.notify_username is not None):
        raise SettingError("give a token or a user and password, not both", variable_of("notify_token"))
    if (password is None) != (settings.notify_username is None):
        raise SettingError("a user and a password go together", variable_of("notify_username"))
    if token is not None:
        return _Bearer(token)
    if settings.notify_username is not None and password is not None:
        return HTTPBasicAuth(settings.notify_username.encode(), password.encode())
    return None


def _secret(name: str, given: SecretStr | None, file: Path | None) -> str | None:
    if given is not None and file is not None:
        raise SettingError(f"given twice: here, and in {variable_of(name)}_FILE", variable_of(name))
    if file is not None:
        return secret_in(f"{name}_file", file)
    return given.get_secret_value() if given is not None else None


def _checked(field: str, url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise SettingError("not an address such as https://host:9093/path", variable_of(field))
    if parts.username or parts.password:
        raise SettingError(
            f"no user or password in the address: give {variable_of('notify_username')} and "
            f"{variable_of('notify_password_file')}", variable_of(field),
        )  # fmt: skip
    return url


def _shown(url: str) -> str:
    """Return what of an address may be seen: its path may be a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
