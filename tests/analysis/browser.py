"""Debian's chromium, driven through a report's page; tests are skipped where it is missing."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from analysis.compose.report import compose
from analysis.render import RENDERERS
from analysis.reporting import report

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from playwright.sync_api import Browser, Page

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
ARGUMENTS = [
    "--no-sandbox",  # tests run as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser; skip the test where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    if CHROMIUM is None:
        pytest.skip("needs chromium: apt-get install chromium, or name it in CHROMIUM")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


def write_page(paths: Sequence[Path], folder: Path, **options: Any) -> Path:
    """Write the page of some traces, and nothing else."""
    found = report(paths, pictures=True, **options)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "report.html"
    content = RENDERERS["html"](found, compose(found))
    target.write_text(str(content), encoding="utf-8")
    return target


@dataclass
class Opened:
    """A page, and what it did that it must not do."""

    page: Page
    path: Path
    said: list[str] = field(default_factory=list)
    requested: list[str] = field(default_factory=list)

    def faults(self) -> list[str]:
        """Return console messages, errors, violations of the policy, and requests."""
        violations = self.page.evaluate("window.violations")
        own = self.path.as_uri()
        return [*self.said, *violations, *(url for url in self.requested if url != own)]


@contextmanager
def opened(browser: Browser, path: Path, **options: Any) -> Iterator[Opened]:
    """Open a page as nobody has before, and watch it."""
    options.setdefault("viewport", {"width": 1280, "height": 900})
    context = browser.new_context(offline=True, **options)
    page = context.new_page()
    watched = Opened(page, path)
    page.on("console", lambda message: watched.said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: watched.said.append(f"error: {error}"))
    page.on("request", lambda request: watched.requested.append(request.url))
    page.add_init_script(
        "window.violations = [];"
        "document.addEventListener('securitypolicyviolation',"
        " (event) => violations.push(`policy: ${event.violatedDirective} ${event.blockedURI}`));"
    )
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    yield watched
    context.close()


def wait_until(page: Page, expression: str, argument: Any = None) -> None:
    """Wait until an expression is true; playwright's own way needs eval, which a page refuses."""
    for _ in range(200):
        if page.evaluate(expression, argument):
            return
        page.wait_for_timeout(25)
    raise AssertionError(f"never became true: {expression}")
