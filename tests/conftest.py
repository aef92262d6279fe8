"""What all tests share: where the developers' data lies, the browser, and that nothing skips unseen in CI.

Tests that need data which may not be in the repository ask for the fixture `shared`; where there is none they skip, in CI as well.
Any other skip is a failure when CI=true: a browser that was not installed would else hide every test of the page.
"""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest

from tests.browser import browser, watched

__all__ = ["browser", "watched"]  # fixtures

# Before torch is imported, here and in the commands that tests start: threads that wait for each other crawl on a busy machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Commands that tests start keep what they compile for the next one: without it each compiles the whole package again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# Whoever runs the tests in the background may ignore Ctrl-C, and what the tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT: Final = Path(__file__).resolve().parent.parent
SHARED: Final = ROOT.parent / "shared"
Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The developers' data, beside the repository."""
    if not SHARED.is_dir():
        pytest.skip("needs the developers' data, and there is no ../shared beside the repository")
    return SHARED


def pytest_configure(config: pytest.Config) -> None:
    """pytest-xdist keeps the order of files, in place of those with the most tests first."""
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first, so that no worker is left alone with a long one at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow") is not None}
    items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end: the garbage collector need not look through it again and again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    return refused(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    return refused(report)


def refused(report: Report) -> Report:
    """The report, as a failure where it is a skip that CI does not allow."""
    if os.environ.get("CI") == "true" and report.skipped and not hasattr(report, "wasxfail"):
        reason = reason_of(report.longrepr)
        if SHARED.is_dir() or "../shared" not in reason:
            report.outcome = "failed"
            report.longrepr = f"skipped, and nothing may skip in CI: {reason}"
    return report


def reason_of(longrepr: Any) -> str:
    """Why a test was skipped."""
    return str(longrepr[2] if isinstance(longrepr, tuple) else longrepr)
