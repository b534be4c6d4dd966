"""The page at 10,000 groups: only what is in sight is drawn, and it stays smooth while hundreds change at once."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from kafka import KafkaProducer

from streams.shell.topic_admin import admin_client, create_missing
from streams.shell.topics import Names
from tests.browser.page import Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.devkafka.broker import Broker
    from tests.browser.chromium import Browser

GROUPS = 10_000
LEVELS = ("critical", "warning", "ok", "met", "inactive")
#: Scrolls by some rows in each frame, so many times; returns how many rows are in the document.
FRAMES = """
    const done = arguments[arguments.length - 1];
    const box = document.querySelector("#grid .box");
    let left = arguments[0];
    const frame = () => {
      box.scrollTop = (box.scrollTop + 333) % (box.scrollHeight - box.clientHeight);
      left -= 1;
      if (left) requestAnimationFrame(frame);
      else done(document.querySelectorAll("#grid tr[data-key]").length);
    };
    requestAnimationFrame(frame);
"""


def status(number: int, dice: random.Random) -> dict[str, Any]:
    """Return the status of one of many groups."""
    expected, remitted = dice.randrange(1, 10**8), dice.randrange(1, 10**8)
    return {
        "schema_version": 1, "type": "quota_status", "group_id": f"g-{number:05}", "region": f"r-{number % 12}",
        "plan_year": 2026, "as_of": "2026-07-01", "currency": "USD", "original_target": "9.00",
        "adjusted_target": "9.00", "expected_to_date": f"{expected}.00", "remitted_to_date": f"{remitted}.00",
        "shortfall": f"{max(0, expected - remitted)}.00", "surplus": f"{max(0, remitted - expected)}.00",
        "attainment_to_date": f"{remitted / expected:.4f}", "attainment_of_target": "0.5000",
        "required_daily_rate": "1.00", "trailing_daily_rate": "1.00", "projected_total": "9.00",
        "policy_effect": "0.00", "remittance_effect": f"{remitted - expected}.00", "level": dice.choice(LEVELS),
        "open_episodes": [], "levies": [], "unconverted": {}, "unassigned": {}, "headcount": 5,
        "remittance_count": 7, "policies_applied": [], "policies_applied_count": 0,
    }  # fmt: skip


@pytest.fixture
def page(kafka: Broker, prefix: str) -> Iterator[Page]:
    """Open the page of 10,000 groups that somebody told."""
    with admin_client(kafka.bootstrap_servers) as admin:
        create_missing(admin, Names(prefix))
    dice = random.Random(5)
    tell(kafka, prefix, [status(number, dice) for number in range(GROUPS)])
    page = Page(kafka.bootstrap_servers, prefix, None, "--replay").start()
    yield page
    page.stop()


def tell(kafka: Broker, prefix: str, statuses: list[dict[str, Any]]) -> None:
    """Tell statuses as a worker would."""
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap_servers, linger_ms=5, acks="all")
    for one in statuses:
        key = f"{one['group_id']}/{one['plan_year']}".encode()
        producer.send(Names(prefix).status, json.dumps(one).encode(), key=key)
    producer.close()


class Meter:
    """What the page's main thread has done, in seconds of CPU: the same however busy the machine is."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        browser.driver.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})

    def spent(self) -> float:
        """Return the CPU seconds so far."""
        metrics = self._browser.driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
        return float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))


def test_it_stays_smooth(kafka: Broker, prefix: str, page: Page, browser: Browser) -> None:
    """Scrolling costs little enough for 30 frames a second on a slow machine; 2,000 changes at once cost a blink."""
    meter = Meter(browser)
    browser.driver.get(page.url)
    browser.until(lambda: browser.text("#shown") == "10,000 groups", 60)
    before = meter.spent()
    rows = browser.driver.execute_async_script(FRAMES, 60)
    frame = (meter.spent() - before) / 60
    assert rows < 60
    assert frame < 1 / 30, frame
    dice = random.Random(6)
    changed = [status(number, dice) for number in range(0, GROUPS, 5)]
    before = meter.spent()
    tell(kafka, prefix, changed)
    script = (
        "return import('/static/js/store.js').then(({ store }) => store.rows.get(arguments[0])?.remitted_to_date)"
    )
    last = changed[-1]
    browser.until(lambda: browser.run(script, f"{last['group_id']}/2026") == last["remitted_to_date"], 60)
    assert meter.spent() - before < 2.0
    browser.find("#search").send_keys("g-0999")
    browser.until(lambda: browser.text("#shown") == "10 of 10,000 groups")
    browser.find('[data-column="remitted_to_date"] button').click()
    browser.until(lambda: len(browser.texts("#grid tr[data-key]")) == 10)
    browser.screenshot("ten-thousand")
    assert browser.errors() == []
