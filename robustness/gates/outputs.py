"""How do machines and people read the verdicts? JSON, JUnit XML and a Markdown summary, each written whole before the gate exits.

None holds a path of the machine, and JUnit alone a clock: the same run and rules give the same bytes of JSON and Markdown. Loads no torch.
"""

from __future__ import annotations

import html
import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from robustness.conditions import Condition
from robustness.errors import CANNOT_JUDGE, DONE, RULE_FAILED, OutputError
from robustness.gates.metrics.base import METRICS, Kinds
from robustness.gates.rules import Rules
from robustness.gates.subject import JudgedRun
from robustness.gates.verdicts import Judged, Verdict, failing_first, status_of
from robustness.gates.wording import amount, bar, condition_text, counted, figure
from robustness.run.damage import read_record
from robustness.run.folder import write_json, write_text

FOLDER: Final = "gate"  # of a run: what was last judged of it
JSON: Final = "verdicts.json"
JUNIT: Final = "junit.xml"
MARKDOWN: Final = "summary.md"
HEADLINES: Final = {DONE: "The model passes.", RULE_FAILED: "The model does not pass.", CANNOT_JUDGE: "The model could not be judged."}
_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class CaseFacts:
    """The worst case of a rule, as the page needs it."""

    condition: Condition | None
    behind: list[str]


@dataclass(frozen=True)
class VerdictFacts:
    """One rule's verdict, as the page needs it."""

    name: str
    outcome: str
    word: str
    counts: bool
    sentence: str
    warnings: list[str]
    worst: CaseFacts | None
    figure: str = ""  # of the worst case; a run that was judged before this was stored has none
    bar: str = ""


@dataclass(frozen=True)
class VerdictsFacts:
    """What was last judged of a run, as the page needs it."""

    status: int
    headline: str
    rules: str
    verdicts: list[VerdictFacts]


def read_verdicts(run: Path) -> VerdictsFacts | None:
    """What was last judged of a run; None where nothing was.

    Raises:
        RunError: where it is damaged.
    """
    return read_record(run, f"{FOLDER}/{JSON}", VerdictsFacts) if (run / FOLDER / JSON).exists() else None


def write_outputs(folder: Path, rules: Rules, verdicts: Sequence[Verdict], subject: JudgedRun) -> None:
    """Writes the three files, each whole or not at all.

    Raises:
        OutputError: where the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / JSON, facts(rules, verdicts, subject))
        write_text(folder / JUNIT, junit(rules, verdicts))
        write_text(folder / MARKDOWN, markdown(verdicts, subject))
    except OSError as error:
        raise OutputError(f"the verdicts cannot be written to {folder} ({error.strerror}); give another --out") from error


def headline(status: int) -> str:
    """The answer in a sentence."""
    return HEADLINES.get(status, "The model could not be judged: a rule or an input is wrong.")


def answered(verdicts: Sequence[Verdict]) -> str:
    """The answer with its count: `The model passes: 9 of 9 rules pass.`."""
    passed, words = sum(verdict.outcome == "pass" for verdict in verdicts), headline(status_of(verdicts)).removesuffix(".")
    return f"{words}: {passed} of {counted(len(verdicts), 'rule')} {'passes' if 1 in {passed, len(verdicts)} else 'pass'}."


def facts(rules: Rules, verdicts: Sequence[Verdict], subject: JudgedRun) -> dict[str, Any]:
    """Everything that was found, in plain values; failing rules first."""
    status = status_of(verdicts)
    return {
        "status": status,
        "headline": headline(status),
        "rules": rules.source.name,
        "subject": asdict(subject),
        "verdicts": [_verdict(verdict) for verdict in failing_first(verdicts)],
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    worst = verdict.worst
    return {
        "name": verdict.name,
        "outcome": verdict.outcome,
        "word": verdict.word,
        "counts": verdict.counts,
        "status": verdict.status,
        "sentence": verdict.sentence,
        "figure": figure(verdict),
        "bar": bar(verdict.rule),
        "warnings": list(verdict.warnings),
        "untestable": verdict.untestable,
        "unit": METRICS[verdict.rule.metric].unit,
        "rule": verdict.rule.model_dump(exclude_none=True),
        "worst": None if worst is None else _case(worst, verdict.kinds),
        "cases": [_case(judged, verdict.kinds) for judged in verdict.judged],
    }


def _case(judged: Judged, kinds: Kinds) -> dict[str, Any]:
    case, found = judged.case, judged.judgement
    low, high = found.interval or (None, None)
    return {
        "variant": case.variant,
        "label": case.label,
        "condition": None if case.condition is None else asdict(case.condition),
        "where": condition_text(case.condition, kinds),
        "outcome": found.outcome,
        "observed": _number(case.sample.value),
        "low": _number(low),
        "high": _number(high),
        "count": case.sample.count,
        "counted": case.sample.counted,
        "tally": case.sample.tally,
        "straddled": found.straddled,
        "needed": [asdict(effort) for effort in found.needed],
        "among": found.among,
        "behind": list(case.behind),
        "note": case.note,
    }


def _number(value: float | None) -> float | None:
    """The number; none where it holds nowhere."""
    return None if value is None or not math.isfinite(value) else float(value)


def junit(rules: Rules, verdicts: Sequence[Verdict]) -> str:
    """JUnit XML, a test a rule with the time that judging it took; what warns without failing passes, and says so in its output."""
    counts = {
        "tests": len(verdicts),
        "failures": sum(v.counts and v.outcome != "error" for v in verdicts),
        "errors": sum(v.outcome == "error" for v in verdicts),
        "skipped": sum(v.outcome == "skipped" for v in verdicts),
    }
    about = {"name": "robustness gate", **{key: str(n) for key, n in counts.items()}, "time": _time(sum(v.seconds for v in verdicts))}
    suites = ET.Element("testsuites", about)
    suite = ET.SubElement(suites, "testsuite", about)
    for verdict in verdicts:
        place = {"classname": "robustness.gate", "name": _xml(verdict.name), "file": _xml(rules.source.name)}
        case = ET.SubElement(suite, "testcase", {**place, "time": _time(verdict.seconds)})
        if verdict.counts:
            kind = "error" if verdict.outcome == "error" else "failure"
            ET.SubElement(case, kind, {"type": verdict.outcome, "message": _xml(short(verdict))}).text = _xml(_details(verdict))
        elif verdict.outcome == "skipped":
            ET.SubElement(case, "skipped", {"message": _xml(verdict.sentence)})
        elif verdict.outcome != "pass" or verdict.warnings:
            ET.SubElement(case, "system-out").text = _xml(_details(verdict))
    ET.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def _time(seconds: float) -> str:
    return f"{seconds:.3f}"


def short(verdict: Verdict) -> str:
    """A rule in a line: `accepted: 80 % (8 of 10), at least 90 % is asked`."""
    return ", ".join(part for part in (f"{verdict.name}: {figure(verdict) or verdict.word}", f"{bar(verdict.rule)} is asked") if part)


def _details(verdict: Verdict) -> str:
    behind = verdict.worst.case.behind if verdict.worst else ()
    lines = [f"{verdict.word}: {verdict.sentence}", *verdict.warnings]
    return "\n".join([*lines, *(f"  {name}" for name in (behind if verdict.outcome != "pass" else ()))])


def _xml(text: str) -> str:
    """Text without the characters that XML cannot hold."""
    return _NOT_XML.sub("�", text)


def markdown(verdicts: Sequence[Verdict], subject: JudgedRun) -> str:
    """A summary for a pull request: what was judged, a table with failing rules first, the sentences behind it, and the files."""
    ordered = failing_first(verdicts)
    rows = [f"| {' | '.join(map(_cell, row))} |" for row in [HEAD, *(_row(verdict) for verdict in ordered)]]
    rule = "|" + " --- |" * len(HEAD)
    why = [f"- {_cell(line)}" for v in ordered if v.outcome != "pass" or v.warnings for line in (v.sentence, *v.warnings)]
    about = [f"- {_cell(str(model))}" for model in subject.models] + [f"- {_cell(subject.heard)}"]
    title = f"## {answered(verdicts)}"
    return "\n".join([title, "", *about, "", rows[0], rule, *rows[1:], "", *why, "", FILES, ""])


FILES: Final = f"The run folder has the page `index.html`, and `{FOLDER}/{JUNIT}` and `{FOLDER}/{JSON}` for programs."
HEAD: Final = ("result", "rule", "observed", "asked", "where", "counted")


def _row(verdict: Verdict) -> tuple[str, ...]:
    worst, asked = verdict.worst, bar(verdict.rule)
    if worst is None:
        return verdict.word, verdict.name, "–", asked, "–", "–"
    unit = METRICS[verdict.rule.metric].unit
    ends = worst.judgement.interval
    observed = amount(worst.case.sample.value, unit)
    if ends is not None and not math.isnan(ends.low):
        observed += f" ({amount(ends.low, unit)} to {amount(ends.high, unit)})"
    where = condition_text(worst.case.condition, verdict.kinds)
    place = ", ".join(part for part in (worst.case.variant, worst.case.label or "", where) if part)
    return verdict.word, verdict.name, observed, asked, place, worst.case.sample.tally or "–"


def _cell(text: str) -> str:
    """Text that can end neither its cell nor its line, and is no markup."""
    escaped = html.escape(text.replace("\n", " ").replace("\r", " "), quote=False)
    return re.sub(r"([\\`*_\[\]|~#])", r"\\\1", escaped)
