"""Rules as tests: `pytest --robustness-rules gates.toml --robustness-run RUN`, one test a rule; and a fixture, `robustness_run`.

Instead of a stored run, `--robustness-model CARD --robustness-recordings DIR` runs what the rules need, once a session. Nothing heavy is
imported until a rule or the fixture asks for it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from robustness.gates.rules import Rules
    from robustness.gates.verdicts import Verdict
    from robustness.run.folder import Run

OPTIONS: Final = {
    "rules": "A TOML file of rules: each becomes a test.",
    "run": "The run folder to judge.",
    "model": "A model card, to run what the rules need instead.",
    "recordings": "The recordings to run it on.",
    "noises": "A folder of background noises, for rules about them.",
    "baseline": "A run to compare with, in place of the one that the rules name.",
}
NOTHING_GIVEN: Final = "give --robustness-run RUN, or --robustness-model CARD and --robustness-recordings DIR"


class BrokenRuleError(Exception):
    """A rule does not hold, or could not be judged; the message says why."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options."""
    group = parser.getgroup("robustness", "robustness of a speech-command model")
    for name, text in OPTIONS.items():
        group.addoption(f"--robustness-{name}", type=Path, default=None, metavar="PATH", help=text)


def _option(config: pytest.Config, name: str) -> Any:
    return config.getoption(f"robustness_{name}")


class Session:
    """What one pytest session judges: the run is read or made once, when it is first asked for."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self._run: Run | None = None
        self._verdicts: dict[str, Verdict] | None = None

    @property
    def rules(self) -> Rules | None:
        """The rules given; None without."""
        from robustness.gates.rule_checks import checked_rules
        from robustness.gates.rules import read_rules

        path = _option(self.config, "rules")
        return None if path is None else checked_rules(read_rules(path))

    @property
    def run(self) -> Run:
        """The stored run, or that of the model and recordings given."""
        if self._run is None:
            self._run = self._stored() if _option(self.config, "run") else self._made()
        return self._run

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """Of every rule, by its name."""
        if self._verdicts is None:
            from robustness.gates.run_judgement import data_of
            from robustness.gates.verdicts import judge

            rules = self.rules
            if rules is None:
                return {}
            found = judge(rules, data_of(self.run, rules, _option(self.config, "baseline")))
            self._verdicts = {verdict.name: verdict for verdict in found}
        return self._verdicts

    def check(self) -> None:
        """What would stop every rule is told once, before the first.

        Raises:
            pytest.UsageError: no run and no model is given, or the run is none.
        """
        from robustness.errors import RobustnessError
        from robustness.run.folder import Run

        stored = _option(self.config, "run")
        if stored is None and None in (_option(self.config, "model"), _option(self.config, "recordings")):
            raise pytest.UsageError(NOTHING_GIVEN)
        try:
            if stored is not None:
                Run.open(stored)
        except RobustnessError as error:
            raise pytest.UsageError(str(error)) from error

    def _stored(self) -> Run:
        from robustness.run.integrity import checked_run

        return checked_run(_option(self.config, "run"))

    def _inputs(self) -> dict[str, Path]:
        folder: Path | None = _option(self.config, "noises")
        return {} if folder is None else {"noises": folder}

    def _made(self) -> Run:
        model, recordings = _option(self.config, "model"), _option(self.config, "recordings")
        if model is None or recordings is None:
            raise pytest.UsageError(NOTHING_GIVEN)
        from robustness.gates.run_judgement import JudgedBeside
        from robustness.jobs.assess import execute, prepare
        from robustness.jobs.gate import Gate
        from robustness.jobs.request import Request
        from robustness.run.folder import RunWriter
        from robustness.sweep.plan import Settings

        folder = tempfile.TemporaryDirectory(prefix="robustness-")
        self.config.add_cleanup(folder.cleanup)
        request = Request((model,), (recordings,), settings=Settings(inputs=self._inputs()))
        writer = RunWriter(Path(folder.name) / "run")
        if self.rules is None:
            return execute(prepare(request), writer, _silent)
        gate = Gate(self.rules, JudgedBeside(_option(self.config, "baseline")))
        return gate.run(gate.prepare(request), writer, _silent)


def _silent(doing: str, done: int, total: int) -> None:
    """No progress is shown."""


KEY: Final = pytest.StashKey[Session]()


def pytest_configure(config: pytest.Config) -> None:
    """Makes the session's state."""
    config.stash[KEY] = Session(config)


@pytest.fixture(scope="session")
def robustness_run(pytestconfig: pytest.Config) -> Run:
    """The run that was given by --robustness-run, or made from --robustness-model and --robustness-recordings."""
    return pytestconfig.stash[KEY].run


class RuleItem(pytest.Item):
    """One rule."""

    def runtest(self) -> None:
        """Fails where the rule does not hold or could not be judged.

        Raises:
            BrokenRuleError: with the verdict's sentence.
        """
        verdict = self.config.stash[KEY].verdicts[self.name]
        said = "\n".join([f"{verdict.word}: {verdict.sentence}", *verdict.warnings])
        self.add_report_section("call", "robustness", said)
        if verdict.outcome == "skipped":
            pytest.skip(verdict.sentence)
        if verdict.counts:
            raise BrokenRuleError(said)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The sentence alone, for the user's mistakes and broken rules."""
        from robustness.errors import RobustnessError

        if isinstance(excinfo.value, (BrokenRuleError, RobustnessError, pytest.UsageError)):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where the rule stands."""
        return self.path, None, f"rule {self.name}"


class RulesFile(pytest.File):
    """A rules file."""

    def collect(self) -> Iterable[RuleItem]:
        """One test a rule."""
        rules = self.config.stash[KEY].rules
        return [] if rules is None else [RuleItem.from_parent(self, name=name) for name in rules.rule]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Adds a test a rule to whatever else was collected.

    Raises:
        pytest.UsageError: where the rules cannot be used.
    """
    path = _option(config, "rules")
    if path is None:
        return
    from robustness.errors import RobustnessError

    config.stash[KEY].check()
    make: Callable[..., RulesFile] = RulesFile.from_parent
    try:
        items.extend(make(session, path=path.resolve()).collect())
    except RobustnessError as error:
        raise pytest.UsageError(str(error)) from error


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """What warned without failing, which a green test would hide."""
    verdicts = config.stash[KEY]._verdicts or {}
    softly = [v for v in verdicts.values() if not v.counts and (v.outcome not in ("pass", "skipped") or v.warnings)]
    if softly:
        terminalreporter.section("robustness warnings")
        for verdict in softly:
            terminalreporter.write_line("\n".join([f"{verdict.word}: {verdict.sentence}", *verdict.warnings]))
