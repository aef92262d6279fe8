"""Is a skip seen? In CI it fails the run, save where only the developers' data is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

SKIPS = """
import pytest
def test_browser():
    pytest.skip("chromium is not installed")
def test_data(shared):
    pass
def test_passes():
    pass
@pytest.mark.xfail
def test_known():
    assert False
"""


@pytest.mark.parametrize(
    ("ci", "data", "outcomes"),
    [
        ("false", False, {"passed": 1, "skipped": 2, "xfailed": 1}),
        ("true", False, {"passed": 1, "skipped": 1, "failed": 1, "xfailed": 1}),
        ("true", True, {"passed": 2, "failed": 1, "xfailed": 1}),
    ],
)
def test_skips_in_ci(
    ci: str, data: bool, outcomes: dict[str, int], pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    tests = pytester.mkdir("repository") / "tests"
    tests.mkdir()
    (tests / "conftest.py").write_text((root / "tests" / "conftest.py").read_text(encoding="utf-8"), encoding="utf-8")
    (tests / "test_skips.py").write_text(SKIPS, encoding="utf-8")
    if data:
        pytester.mkdir("shared")
    monkeypatch.setenv("CI", ci)
    pytester.runpytest_inprocess("-p", "no:cacheprovider", str(tests)).assert_outcomes(**outcomes)


def test_module_skipped_whole_fails_in_ci(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    pytester.makeconftest((root / "tests" / "conftest.py").read_text(encoding="utf-8"))
    pytester.makepyfile("import pytest\npytest.importorskip('a_package_that_is_not_there')\ndef test_it(): pass")
    monkeypatch.setenv("CI", "true")
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*nothing may skip in CI*"])
