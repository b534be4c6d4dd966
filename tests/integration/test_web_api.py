"""The page's HTTP: the JSON API beside its documentation, the stream of changes, and what is refused."""

from __future__ import annotations

import json
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest
from kafka import KafkaProducer

from streams.shell.topic_admin import admin_client, create_missing
from streams.shell.topics import Names
from streams.web import models
from tests.browser.making import alert, letter, status
from tests.browser.page import Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.devkafka.broker import Broker

    Event = tuple[str, str | None, Any]


class Told:
    """What stands in for workers: it tells statuses, alerts and dead letters, in transactions as they do."""

    def __init__(self, kafka: Broker, prefix: str) -> None:
        self.names = Names(prefix)
        with admin_client(kafka.bootstrap_servers) as admin:
            create_missing(admin, self.names, 2)
        self.producer = KafkaProducer(bootstrap_servers=kafka.bootstrap_servers, transactional_id=f"{prefix}told")
        self.producer.init_transactions()

    def tell(self, *values: dict[str, Any], letters: tuple[str, ...] = (), commit: bool = True) -> None:
        """Tell statuses and alerts (by what they are), and dead letters of some reasons."""
        headers = [("ce_time", b"2026-07-01T12:00:00.000Z")]
        self.producer.begin_transaction()
        for value in values:
            topic, key = self.names.status, f"{value['group_id']}/{value['plan_year']}"
            if "episode_id" in value:
                topic, key = self.names.alerts, value["episode_id"]
            self.producer.send(topic, json.dumps(value).encode(), key=key.encode(), headers=headers)
        for reason in letters:
            self.producer.send(self.names.dead_letters, letter(reason), headers=headers)
        if commit:
            self.producer.commit_transaction()
        else:
            self.producer.flush()
            self.producer.abort_transaction()


@pytest.fixture(scope="module")
def told(kafka: Broker) -> Iterator[Told]:
    """Tell of three groups, one of them far behind."""
    told = Told(kafka, "web-api-")
    behind = {"level": "critical", "attainment_to_date": "0.5000", "shortfall": "50.00"}
    told.tell(
        status("g-1"), status("g-2", region="south"), status("g-3", **behind), status("g-3", plan_year=2025),
        alert(1), alert(1, revision=2, transition="escalated"), letters=("schema", "schema", "empty"),
    )  # fmt: skip
    told.tell(status("g-9", level="missed"), commit=False)
    yield told
    told.producer.close()


@pytest.fixture(scope="module")
def page(kafka: Broker, told: Told) -> Iterator[Page]:
    """Serve them; `--replay`, for no day of theirs is today."""
    page = Page(kafka.bootstrap_servers, told.names.prefix, None, "--replay").start()
    yield page
    page.stop()


def first(events: Iterator[Event], kind: str) -> Event:
    """Return the next event of a kind."""
    return next(event for event in events if event[0] == kind)


def snapshot_rows(event: Event) -> dict[tuple[str, int], dict[str, Any]]:
    """Return a snapshot's rows by group and year."""
    columns = event[2]["columns"]
    rows = [dict(zip(columns, cells, strict=True)) for cells in event[2]["rows"]]
    return {(row["group_id"], row["plan_year"]): row for row in rows}


def test_answers_are_as_openapi_documents_them(page: Page) -> None:
    """Each validates against the model that the documentation is made of, and the sums are the groups'."""
    first(page.events(), "snapshot")
    overview = models.Overview.model_validate(page.get("api/overview"))
    assert [(sums.plan_year, sums.groups) for sums in overview.overall] == [(2026, 3), (2025, 1)]
    groups = page.get("api/groups?year=2026")
    assert [one["group_id"] for one in groups["groups"]] == ["g-3", "g-1", "g-2"]
    assert groups["total"] == 3
    assert page.get("api/groups?region=south&level=ok&search=g")["total"] == 1
    assert page.get("api/groups?limit=1&offset=1")["groups"][0]["group_id"] == "g-1"
    account = page.get("api/groups/g-1/2026")
    assert account["status"] == status("g-1")
    assert [one["transition"] for one in account["episodes"]] == ["escalated"]
    models.DeadLetters.model_validate(page.get("api/dead-letters"))
    assert page.get("api/dead-letters")["reasons"] == {"empty": 1, "schema": 2}
    assert [one["revision"] for one in page.get("api/alerts?limit=1")["alerts"]] == [2]
    models.Freshness.model_validate(page.get("api/freshness"))
    paths = page.get("api/openapi.json")["paths"]
    assert set(paths) == {
        "/api/overview", "/api/groups", "/api/groups/{group_id}/{plan_year}", "/api/alerts", "/api/dead-letters",
        "/api/freshness", "/api/groups/{group_id}/{plan_year}/chart", "/api/what-if", "/api/changes",
    }  # fmt: skip
    assert all(set(methods) == {"get"} for methods in paths.values())


def test_what_is_unknown_or_wrong_is_said(page: Page) -> None:
    """A program that asks for something else than there is learns that it did."""
    for path, code in (
        ("api/groups/nobody/2026", 404), ("api/groups/nobody/2026/chart", 404), ("api/groups?limit=0", 422),
        ("api/groups?level=sad", 422), ("api/what-if?factor=1e9&year=2026", 422),
        ("api/what-if?factor=0.85&year=2025", 404), ("static/../api.py", 404), ("static/nothing.js", 404),
    ):  # fmt: skip
        assert page.answer(path)[0] == code, path


def test_nothing_can_be_written_and_no_other_site_gets_in(page: Page) -> None:
    """No method but reading, no name but ours, no embedding, no script from elsewhere, no CORS."""
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        assert page.answer("api/overview", method)[0] == 405
    assert page.answer("api/overview", Host="evil.example")[0] == 421
    assert page.answer("api/overview", Host=f"localhost:{page.port}")[0] == 200
    code, headers, body = page.answer("", Origin="https://evil.example")
    assert code == 200
    assert "Access-Control-Allow-Origin" not in headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert b"<script>" not in body
    assert b"style=" not in body
    assert b"//" not in body.replace(b"<!doctype", b"")


def test_a_page_gets_a_snapshot_then_changes_and_goes_on_where_it_was(page: Page, told: Told) -> None:
    """With Last-Event-ID it is told what it missed and nothing else; with an id of another run, all of it."""
    events = page.events()
    kind, event_id, _ = at = first(events, "snapshot")
    assert snapshot_rows(at)["g-3", 2026]["level"] == "critical"
    assert ("g-9", 2026) not in snapshot_rows(at)
    told.tell(status("g-4"))
    kind, _, change = first(events, "changes")
    assert [cells[0] for cells in change["rows"]] == ["g-4"]
    told.tell(status("g-5"), alert(2))
    missed = page.events(event_id)
    groups: list[str] = []
    while "g-5" not in groups:
        kind, _, change = next(event for event in missed if event[0] != "freshness")
        assert kind == "changes"
        groups += [cells[0] for cells in change.get("rows", [])]
    assert groups == ["g-4", "g-5"]
    kind, _, data = next(event for event in page.events("0000.3") if event[0] != "freshness")
    assert kind == "snapshot"
    assert {"g-4", "g-5"} <= {cells[0] for cells in data["rows"]}


def test_it_ends_well_with_pages_open(kafka: Broker, told: Told) -> None:
    """SIGTERM ends it with 0 within moments, though a stream would go on for ever."""
    page = Page(kafka.bootstrap_servers, told.names.prefix, None, "--replay").start()
    events = page.events()
    first(events, "snapshot")
    reading = threading.Thread(target=lambda: list(events))
    reading.start()
    assert page.stop() == 0
    reading.join(20)
    assert not reading.is_alive()


def test_where_it_can_not_run_it_says_so_in_one_line(kafka: Broker, prefix: str, told: Told, page: Page) -> None:
    """No topics, or a port that is another's: one line that says what to do, and exit code 1."""
    for arguments, named in ((("--prefix", prefix), "topics create"), (("--port", str(page.port)), "--port")):
        other = Page(kafka.bootstrap_servers, told.names.prefix)
        code, _, error = other.run(*arguments)
        assert code == 1
        assert named in error
        assert error.count("\n") == 1


def test_without_a_port_it_takes_another_where_its_own_is_taken(kafka: Broker, told: Told) -> None:
    """Two pages on one machine are no conflict, and each says where it is."""
    pages = [Page(kafka.bootstrap_servers, told.names.prefix, None, "--replay", any_port=True) for _ in range(2)]
    try:
        urls = {page.start().url for page in pages}
        assert len(urls) == 2
    finally:
        for page in pages:
            page.signal(signal.SIGINT)
        assert [page.wait() for page in pages] == [0, 0]
