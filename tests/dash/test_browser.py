"""The report in a real browser: no console error, no request but the page itself."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from holter.dash.report import report_html, run_fragment

BROWSER_SECONDS = 120  # a cold start on a busy machine of two cores
BROWSER_ITSELF = "not an origin"  # initiator of Chromium's own calls home, not of a page's
NAMES = ("chromium", "chromium-browser", "google-chrome")


def browser() -> str:
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("no Chromium: apt-get install chromium")
        pytest.skip("no Chromium on this machine")
    return found


def visit(page: Path, scratch: Path) -> tuple[str, list[str], list[str]]:
    """The rendered document, its console lines, and the addresses that the page asked for.

    Chromium calls home by itself (time, accounts, updates). The resolver rule keeps those
    calls on this machine, and their initiator keeps them out of what is counted here.
    """
    log = scratch / "network.json"
    command = [
        browser(),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-extensions",
        "--no-first-run",
        "--no-proxy-server",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        "--enable-logging=stderr",
        "--v=0",
        f"--log-net-log={log}",
        f"--user-data-dir={scratch / 'profile'}",
        "--dump-dom",
        page.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=BROWSER_SECONDS)
    assert done.returncode == 0, done.stderr[-2_000:]
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    recorded = json.loads(log.read_text())
    started = recorded["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    begun = [event.get("params", {}) for event in recorded["events"] if event["type"] == started]
    theirs = [job for job in begun if "url" in job and job.get("initiator") != BROWSER_ITSELF]
    asked = {str(job["url"]) for job in theirs}
    return done.stdout, console, sorted(asked)


@pytest.mark.browser
@pytest.mark.parametrize("kind", ["report", "fragment", "sly"])
def test_page_opens_without_console_error_or_outside_request(
    a_result: Callable[..., Any], a_journal: Callable[..., Any], tmp_path: Path, kind: str
) -> None:
    sly = "</style></title><script src='//example.org/x.js'></script><img src=//example.org/x>"
    result = a_result(study={"name": sly, "task": sly}) if kind == "sly" else a_result()
    make = run_fragment if kind == "fragment" else report_html
    page = tmp_path / "report.html"
    page.write_text(make(result, a_journal()), encoding="utf-8")
    document, console, asked = visit(page, tmp_path)
    assert "SIMULATION: nobody is protected by this run" in document
    assert len(re.findall("<svg", document)) >= 3
    assert console == []
    assert [url for url in asked if not url.startswith(("file://", "data:"))] == []


@pytest.mark.browser
def test_browser_check_notices_a_page_that_breaks_the_rules(tmp_path: Path) -> None:
    page = tmp_path / "bad.html"
    page.write_text("<script>console.error('x')</script><img src='http://127.0.0.1:9/x'>")
    _, console, asked = visit(page, tmp_path)
    assert console and any(url.startswith("http://127.0.0.1:9") for url in asked)
