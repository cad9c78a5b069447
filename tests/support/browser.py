# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A headless Chromium for tests, and a watch over what a page does: errors and requests to others."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

#: No sandbox of its own (tests may run as root in a container) and nothing that calls home.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

#: The texts whose contrast with what is painted behind them is below 4.5 (WCAG AA). Dead buttons are exempt there.
LOW_CONTRAST = """() => {
  const parse = (text) => (text.match(/[0-9.]+/g) ?? []).map(Number);
  const linear = (c) => (c <= 10 ? c / 3295 : ((c / 255 + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const low = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !element.checkVisibility() || element.closest('button:disabled')) continue;
    const [one, other] = [light(parse(getComputedStyle(element).color)), light(ground(element))].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    if (ratio < 4.5) low.push(`${element.className || element.nodeName} ${element.textContent} ${ratio.toFixed(2)}`);
  }
  return low;
}"""


@contextmanager
def start_browser() -> Iterator[Any]:
    """Start the installed Chromium. Skips the test, saying what is missing, where it cannot be had."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the Python package playwright is not installed")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium is installed (chromium, chromium-browser or google-chrome on PATH)")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


class Visit:
    """One page in a browser context of its own, and everything that it complained about or asked others for."""

    def __init__(
        self,
        browser: Any,
        url: str,
        width: int = 1440,
        height: int = 1000,
        expected: Sequence[str] = (),
        **options: Any,
    ) -> None:
        self.url = url
        self.expected = expected
        self.complaints: list[str] = []
        self.foreign: list[str] = []
        self.context = browser.new_context(viewport={"width": width, "height": height}, **options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(15000)
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", self._dismissed)
        self.page.on("request", self._asked)
        self.page.goto(url)
        self.page.wait_for_selector("[data-live]")

    def _said(self, message: Any) -> None:
        if message.type in ("error", "warning") and message.text not in self.expected:
            self.complaints.append(message.text)

    def _dismissed(self, dialog: Any) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _asked(self, request: Any) -> None:
        if not request.url.startswith(f"{self.url}/"):
            self.foreign.append(request.url)

    def end(self) -> None:
        """Close the page and fail when it misbehaved."""
        self.context.close()
        assert self.complaints == []
        assert self.foreign == []
