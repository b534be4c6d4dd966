"""A real Chromium, driven by selenium: what tests of the page look with."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

if TYPE_CHECKING:
    from collections.abc import Callable

    from selenium.webdriver.remote.webelement import WebElement

AXE = Path(__file__).with_name("vendor") / "axe.min.js"
SCREENSHOTS = Path(__file__).with_name("screenshots")
WIDE, PHONE = (1440, 1000), (390, 844)


def missing() -> str | None:
    """Return what a browser lacks here; None if nothing."""
    return next((name for name in ("chromium", "chromedriver") if shutil.which(name) is None), None)


class Browser:
    """One window, and what tests ask of it."""

    def __init__(self) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium") or ""
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        self.driver.set_script_timeout(120)
        self.look(WIDE, dark=False)

    def close(self) -> None:
        """End it."""
        self.driver.quit()

    def look(self, size: tuple[int, int], *, dark: bool) -> None:
        """Be of a size, and in a light or a dark room."""
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    def run(self, script: str, *arguments: Any) -> Any:
        """Run JavaScript and return what it returns."""
        return self.driver.execute_script(script, *arguments)

    def find(self, selector: str) -> WebElement:
        """Return the first element that fits, waiting for it."""
        return self.until(lambda: next(iter(self.driver.find_elements("css selector", selector)), None))

    def text(self, selector: str) -> str:
        """Return what an element shows."""
        return str(self.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector)).strip()

    def texts(self, selector: str) -> list[str]:
        """Return what all elements that fit show, in their order."""
        script = "return [...document.querySelectorAll(arguments[0])].map((one) => one.innerText.trim())"
        return list(self.run(script, selector))

    def until(self, holds: Callable[[], Any], within_seconds: float = 60) -> Any:
        """Wait until something holds; return it. AssertionError with what the page shows where it never does."""
        deadline = time.monotonic() + within_seconds
        while not (held := holds()):
            assert time.monotonic() < deadline, self.run("return document.body.innerText")[:3000]
            time.sleep(0.03)
        return held

    def errors(self) -> list[str]:
        """Return what the console complained of since it was last asked."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] != "INFO"]

    def screenshot(self, name: str) -> None:
        """Keep a picture of what is seen."""
        SCREENSHOTS.mkdir(exist_ok=True)
        self.driver.save_screenshot(str(SCREENSHOTS / f"{name}.png"))

    def violations(self) -> list[str]:
        """Return what axe-core finds wrong with the page as it is now."""
        if not self.run("return 'axe' in window"):
            self.run(AXE.read_text(encoding="utf-8"))
        script = """
            const done = arguments[arguments.length - 1];
            axe.run(document, { resultTypes: ["violations"] }).then(
              (found) => done(found.violations.map((one) =>
                `${one.id}: ${one.nodes.slice(0, 3).map((node) => `${node.html.slice(0, 160)} (${node.failureSummary})`).join("; ")}`)),
              (error) => done([String(error)]));
        """  # noqa: E501
        return list(self.driver.execute_async_script(script))
