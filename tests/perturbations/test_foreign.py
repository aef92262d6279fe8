"""What is said of a perturbation that nobody here has heard of? One of each family, in a file of its own, and nothing else touched."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from robustness.cli.main import run as run_command
from robustness.conditions import FAMILIES, Condition
from robustness.errors import DONE, UsageError
from robustness.explanations.evidence import write_evidence
from robustness.gates.metrics.base import METRICS
from robustness.gates.rules import RulesError
from robustness.gates.run_judgement import data_of
from robustness.gates.verdicts import judge
from robustness.jobs.assess import assess, prepare
from robustness.jobs.catalogue import table
from robustness.jobs.gate import Gate
from robustness.jobs.request import Request
from robustness.models.formats.torch_module import TorchNetwork
from robustness.perturbations.base import PERTURBATIONS
from robustness.registry import Registry
from robustness.report.cards.figures import CardFigures
from robustness.report.page import page_of
from robustness.report.sections.failures import Failures
from robustness.report.view import View
from robustness.report.words import condition_name
from robustness.run.folder import Run
from robustness.run.perturbations import FAMILY_WORDS, facts_of, perturbation_facts
from robustness.sweep.plan import Settings
from tests.cards import write_card, write_recordings
from tests.explanations import planted
from tests.gates.planted import rules_in
from tests.report.planted import Plan, manifest_of, recordings_of

WINDOW = '''
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from torch import Tensor

from robustness.audio.placement import Windows
from robustness.conditions import Axis, Family
from robustness.perturbations.base import PERTURBATIONS, Changed, WindowPerturbation


@PERTURBATIONS.register
@dataclass(frozen=True)
class Foreign(WindowPerturbation):
    """A gain under another name."""

    name: ClassVar[str] = "foreign-{family}"
    family: ClassVar[Family] = "{family}"
    axis: ClassVar[Axis] = Axis("harshness", "{unit}", (1.0, 2.0, 3.0), neutral=0.0, neutral_says="nothing foreign")
    source: ClassVar[str] = "made in 2026 for a test"
    inputs: ClassVar[tuple[str, ...]] = {inputs}
    {setting}

    def perturb(self, clean: Windows, level: float, random: Tensor | None) -> Changed:
        """Softer by the level."""
        return Changed(clean.samples / (1 + level), clean.samples.new_full((len(clean.ids),), level))
'''
PLACEMENT = '''
from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from robustness.audio.placement import Frame, RecordingBatch
from robustness.conditions import Axis
from robustness.perturbations.base import PERTURBATIONS, PlacementPerturbation


@PERTURBATIONS.register
@dataclass(frozen=True)
class Foreign(PlacementPerturbation):
    """Later by some hops."""

    name: ClassVar[str] = "foreign-placement"
    axis: ClassVar[Axis] = Axis("delay", "{unit}", (1.0, 2.0, 3.0), neutral=0.0, says="{{level}} late")
    source: ClassVar[str] = "made in 2026 for a test"

    def lead(self, batch: RecordingBatch, frame: Frame, base: Tensor, level: float) -> Tensor:
        """So many hops of 10 ms later."""
        return base + round(level * frame.rate_hz / 100)
'''
UNITS = {"noise": "phon", "room": "s", "level": "dB", "channel": "dB", "placement": "hops"}


def file_of(family: str, inputs: tuple[str, ...] = ()) -> str:
    setting = f"{inputs[0]}: Path | None = None" if inputs else ""
    code = PLACEMENT if family == "placement" else WINDOW
    return f'"""Made for a test of the family {family}."""\n' + code.format(
        family=family, unit=UNITS.get(family, "ms"), inputs=inputs, setting=setting
    )


def plugged(folder: Path, files: dict[str, str]) -> Iterator[None]:
    """A folder beside that of the plug-ins, as one more place to look in."""
    folder.mkdir(exist_ok=True)
    for name, code in files.items():
        (folder / f"{name}.py").write_text(code, encoding="utf-8")
    package = importlib.import_module("robustness.perturbations")
    package.__path__.append(str(folder))
    importlib.invalidate_caches()
    yield
    package.__path__.remove(str(folder))
    for name in files:
        sys.modules.pop(f"robustness.perturbations.{name}", None)


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """One foreign perturbation a family."""
    files = {f"foreign_{family}": file_of(family) for family in FAMILIES}
    for _ in plugged(tmp_path_factory.mktemp("foreign"), files):
        yield [f"foreign-{family}" for family in FAMILIES]


@pytest.fixture(scope="module")
def request_(tmp_path_factory: pytest.TempPathFactory) -> Request:
    folder = tmp_path_factory.mktemp("given")
    return Request((write_card(folder / "model"),), (write_recordings(folder / "recordings", 3),), variants=("float32", "dynamic-int8"))


@pytest.fixture(scope="module")
def run(names: list[str], request_: Request, tmp_path_factory: pytest.TempPathFactory) -> Run:
    settings = Settings(perturbations=tuple(names))
    return assess(replace(request_, settings=settings), tmp_path_factory.mktemp("run") / "run")


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).replace("\u00a0", " ")


def test_the_list_has_them(names: list[str]) -> None:
    rows = table("perturbations").set_index("name")
    for name in names:
        assert rows.loc[name, "family"] == name.removeprefix("foreign-")
        assert rows.loc[name, "levels"] == "1, 2, 3"


def test_the_manifest_has_what_each_says_of_itself(names: list[str], run: Run) -> None:
    facts = perturbation_facts(run.manifest)
    for name in names:
        own = PERTURBATIONS[name]().facts("center")
        assert facts[name] == own
        assert facts_of(name, json.loads(json.dumps(own.plain()))) == own


def test_the_trials_hold_the_level_that_was_reached(names: list[str], run: Run) -> None:
    for name in names:
        rows = run.trials(columns=["level", "measured", "unit"], perturbation=name)
        harsh = rows[rows["level"] > 0]
        assert set(rows["unit"].astype(str)) == {PERTURBATIONS[name].axis.unit}
        assert harsh["measured"].isna().all() if name == "foreign-placement" else (harsh["measured"] == harsh["level"]).all()


def test_the_page_calls_nothing_what_it_is_not(run: Run) -> None:
    text = text_of(page_of(run))
    assert "no noise" not in text
    assert "SNR" not in text.partition("Method")[0]
    assert "nothing foreign" in text
    families = [FAMILY_WORDS[family] for family in FAMILIES]
    assert f"conditions of {', '.join(sorted(families)[:-1])} and {sorted(families)[-1]}" in text


@pytest.mark.parametrize("family", FAMILIES)
def test_the_page_says_a_condition_in_its_own_words(family: str, run: Run) -> None:
    said = condition_name(Condition(f"foreign-{family}", 3.0, "zeros", 0, "center"), View(run).kinds)
    wanted = "3 hops late" if family == "placement" else f"foreign {family} at 3 {UNITS.get(family, 'ms')}"
    assert said.replace("\u00a0", " ") == wanted


@pytest.mark.parametrize("family", FAMILIES)
def test_a_gate_judges_it_and_says_its_level_in_its_own_words(family: str, run: Run, tmp_path: Path) -> None:
    rules = rules_in(
        tmp_path, f'[rule.r]\nmetric = "accuracy"\nvariant = "float32"\nperturbation = "foreign-{family}"\nlevel = 3\nmin = 0\n'
    )
    (verdict,) = judge(rules, data_of(run, rules))
    said = "3 hops late" if family == "placement" else f"foreign {family} at 3 {UNITS.get(family, 'ms')}"
    assert verdict.outcome == "pass"
    assert said in verdict.sentence


@pytest.mark.parametrize("family", FAMILIES)
def test_a_gate_plans_it(family: str, names: list[str], request_: Request, tmp_path: Path) -> None:
    text = f'[rule.r]\nmetric = "accuracy"\nvariant = "float32"\nperturbation = "foreign-{family}"\nlevel = 3\nmin = 0\n'
    job = Gate(rules_in(tmp_path, text)).prepare(request_)
    assert [(c.perturbation, c.level) for c in job.plan.conditions] == [(f"foreign-{family}", 3.0)]


@pytest.mark.parametrize("family", FAMILIES)
def test_only_noise_has_an_snr_and_only_leads_a_tolerance(family: str, run: Run, tmp_path: Path) -> None:
    keys = f'variant = "float32"\nat = 0.5\nperturbation = "foreign-{family}"\n'
    rules = rules_in(tmp_path, f'[rule.a]\nmetric = "snr_lost_db"\nmax = 9\n{keys}[rule.b]\nmetric = "tolerance_late_ms"\nmin = 0\n{keys}')
    snr, tolerance = judge(rules, data_of(run, rules))
    assert (snr.outcome == "error") is (family != "noise")
    assert tolerance.outcome == "error"
    assert "takes none of those that are run" in tolerance.sentence


def test_recordings_without_room_do_not_count_for_what_moves_them(run: Run, tmp_path: Path) -> None:
    rules = rules_in(
        tmp_path, "".join(f'[rule.{f}]\nmetric = "accuracy"\nperturbation = "foreign-{f}"\nlevel = 3\nmin = 0\n' for f in FAMILIES)
    )
    data = data_of(run, rules)
    stuck = frozenset([str(data.rows.recordings.index[0])])
    data.rows.__dict__["untestable"] = stuck
    counted = {verdict.name: (verdict.untestable, verdict.worst.case.sample.count) for verdict in judge(rules, data) if verdict.worst}
    assert counted == {family: (1, 2) if family == "placement" else (0, 3) for family in FAMILIES}


def test_a_rule_on_a_foreign_level_off_its_grid_names_the_unit(run: Run, tmp_path: Path) -> None:
    rules = rules_in(tmp_path, '[rule.r]\nmetric = "accuracy"\nperturbation = "foreign-room"\nlevel = 9\nmin = 0\n')
    rule = rules.rule["r"]
    with pytest.raises(RulesError, match=r"foreign-room: level 9 is not on the grid; the nearest are .* s$"):
        METRICS["accuracy"].conditions(rule, perturbation_facts(run.manifest), "center")


def test_a_dry_run_says_its_levels_unit_and_neutral_level(
    names: list[str], request_: Request, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [word for name in names for word in ("--perturbation", name)]
    given = ["--model", str(request_.models[0]), "--recordings", str(request_.recordings[0]), "--variant", "float32", *asked]
    monkeypatch.setattr(sys, "argv", ["robustness", "report", *given, "--dry-run"])
    assert run_command() == DONE
    lines = capsys.readouterr().out.replace("\u00a0", " ").splitlines()
    for family in FAMILIES:
        unit = UNITS.get(family, "ms")
        wanted = f"foreign {family} at 1 {unit} to foreign {family} at 3 {unit}, 3 levels of harshness in {unit}; nothing foreign"
        if family == "placement":
            wanted = "1 hop late to 3 hops late, 3 levels of delay in hops; 0 hops late"
        assert f"  foreign-{family}: {wanted} changes nothing" in lines


class Loud(nn.Module):
    """Says `yes` where the window has at least two fifths of a whole recording's magnitude."""

    def forward(self, features: Tensor) -> Tensor:
        logits = torch.full((len(features), len(planted.LABELS)), -20.0)
        logits[:, 0] = 10 * (features.flatten(1).sum(1) / (planted.LENGTH_MS * planted.LOUDNESS) - 0.4)
        logits[:, planted.LABELS.index("unknown")] = 0.0
        return logits


@pytest.mark.parametrize("family", [one for one in FAMILIES if one != "history"])  # without a memory it changes nothing
def test_the_card_of_a_recording_that_fails_under_it_says_it_in_its_own_words(family: str, names: list[str], tmp_path: Path) -> None:
    model = planted.classifier((0, 315))  # two hops after the center it is wrong
    if family != "placement":
        model = replace(model, network=TorchNetwork(Loud()))
    heard, name = [planted.recording("a.wav")], f"foreign-{family}"
    made = planted.run_of([model], heard, tmp_path / "run", (name,))
    plan = Plan(["yes"], labels=planted.LABELS, variants=("float32",))
    facts = manifest_of(plan)
    about = {**facts["models"][0], "rate_hz": planted.RATE_HZ, "window_ms": float(planted.WINDOW_MS)}
    facts = {**made.manifest, **facts, "plan": {**facts["plan"], "grids": made.manifest["plan"]["grids"]}, "models": [about]}
    (made.path / "manifest.json").write_text(json.dumps(facts), encoding="utf-8")
    recordings_of(plan).assign(id=["a.wav"]).to_parquet(made.path / "recordings.parquet")
    write_evidence(Run(made.path), [model], heard, seed=0)
    view = View(Run.open(made.path))
    (card,) = view.failures.failures
    assert (card.condition.perturbation, card.condition.level) == (name, 2.0)
    unit = UNITS.get(family, "ms")
    part = Failures().part(view)
    assert part is not None
    told = text_of(str(part.html))
    title = "2 hops late from its place in the center" if family == "placement" else f"in foreign {family} at 2 {unit}, in the center"
    assert title in told
    one = unit.removesuffix("s") if family == "placement" else unit
    assert f"At 2 {unit} 1 of 1 draw is bad in float32; at 1 {one} at least half are good." in told
    figure = CardFigures(view, card).figures()[-1]
    axis = "delay" if family == "placement" else "harshness"
    assert figure.layout["xaxis"]["title"]["text"] == f"{axis}, {unit}"
    assert figure.table is not None
    neutral = "0 hops late" if family == "placement" else "nothing foreign"
    assert [str(row[0]).replace("\u00a0", " ") for row in figure.table.rows] == [f"3 {unit}", f"2 {unit}", f"1 {one}", neutral]
    assert [words for words in ("in noise", "in silence", "no noise", "SNR") if words in told] == []
    assert ("the noise" in told) <= (family == "noise")


def test_one_that_needs_a_folder_is_refused_before_anything_runs(request_: Request, tmp_path: Path) -> None:
    for _ in plugged(
        tmp_path / "plugins", {"foreign_folder": file_of("channel", ("codecs",)).replace("foreign-channel", "foreign-folder")}
    ):
        asked: dict[str, Any] = {"perturbations": ("foreign-folder",)}
        with pytest.raises(
            UsageError, match=r"foreign-folder cannot be run: no codecs were given: give their folder by --input codecs=DIR"
        ):
            prepare(replace(request_, settings=Settings(**asked)))
        everything = prepare(replace(request_, settings=Settings(preset="full")))
        assert "--input codecs=DIR" in everything.plan.skipped["foreign-folder"]
        given = {"codecs": next(request_.recordings[0].iterdir())}
        job = prepare(replace(request_, settings=Settings(**asked, inputs=given)))
        assert job.plan.perturbations["foreign-folder"].folder("codecs") == given["codecs"]
        assert job.inputs["codecs"]
    with pytest.raises(UsageError, match=r"no perturbation takes --input codecs=DIR; names that are taken: .*noises"):
        prepare(replace(request_, settings=Settings(inputs={"codecs": tmp_path})))


def test_a_tool_in_the_folder_is_no_plug_in(tmp_path: Path) -> None:
    tool = '"""Holds what two perturbations share."""\n\n# @PERTURBATIONS.register stands in a comment here\nSHARED = 1\n'
    for _ in plugged(tmp_path, {"foreign_tool": tool}):
        assert "foreign-tool" not in Registry("perturbation", "robustness.perturbations").names()
