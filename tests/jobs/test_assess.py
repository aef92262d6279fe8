from __future__ import annotations

import filecmp
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import soundfile
import torch

from robustness.audio.placement import batch_of, place
from robustness.errors import INTERRUPTED, CardError, RobustnessError, UsageError
from robustness.jobs.assess import assess, estimate_s, prepare
from robustness.jobs.request import Explaining, Request
from robustness.run.folder import Run
from robustness.sweep.plan import Settings
from tests.builders import FRAME, RATE_HZ, recordings
from tests.cards import write_card, write_recordings

FEW = Settings(perturbations=("padding-placement", "time-shift"))
TWO = Explaining(cards=2)


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_card(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recordings(tmp_path_factory.mktemp("recordings"))


@pytest.fixture(scope="module")
def run(card: Path, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return assess(Request((card,), (folder,), settings=FEW, explaining=TWO), tmp_path_factory.mktemp("out") / "run")


def files_of(path: Path) -> list[str]:
    return sorted(str(file.relative_to(path)) for file in path.rglob("*") if file.is_file())


def test_a_run_holds_its_trials_evidence_and_page(run: Run) -> None:
    assert {"manifest.json", "recordings.parquet", "index.html", "evidence/failures.json", "trials/part-00000000.parquet"} <= set(
        files_of(run.path)
    )
    assert run.manifest["complete"] is True
    assert run.manifest["self_check"] == {"checked": run.manifest["self_check"]["checked"], "flips": 0}
    assert not run.path.with_name("run.partial").exists()


def test_the_same_twice_is_the_same_bytes_but_for_provenance(run: Run, card: Path, folder: Path, tmp_path: Path) -> None:
    again = assess(Request((card,), (folder,), settings=FEW, explaining=TWO), tmp_path / "again")
    assert files_of(run.path) == files_of(again.path)
    different = [name for name in files_of(run.path) if not filecmp.cmp(run.path / name, again.path / name, shallow=False)]
    assert different in ([], ["manifest.json"])
    first, second = dict(run.manifest), dict(again.manifest)
    first.pop("provenance")
    second.pop("provenance")
    assert first == second


def test_a_run_tells_nothing_of_the_machine_but_in_its_provenance(run: Run) -> None:
    manifest = dict(run.manifest)
    manifest.pop("provenance")
    for text in (json.dumps(manifest), (run.path / "index.html").read_text(encoding="utf-8")):
        assert str(run.path.parent) not in text
        assert "/tmp/" not in text


def test_without_audio_no_voice_is_kept(card: Path, folder: Path, tmp_path: Path) -> None:
    places = Settings(perturbations=("padding-placement",))
    run = assess(Request((card,), (folder,), variants=("float32",), settings=places, explaining=TWO, audio=False), tmp_path / "run")
    assert not [name for name in files_of(run.path) if name.endswith(".wav")]
    assert json.loads((run.evidence / "failures.json").read_text())["shown"] > 0


def test_an_operating_point_given_replaces_the_cards(card: Path, folder: Path) -> None:
    job = prepare(Request((card,), (folder,), threshold=0.7))
    assert {classifier.threshold for classifier in job.classifiers} == {0.7}


def test_an_estimate_is_a_time(card: Path, folder: Path) -> None:
    assert 0 < estimate_s(prepare(Request((card,), (folder,), settings=FEW, explaining=TWO))) < 600


def test_a_device_that_is_not_there_is_named(card: Path, folder: Path) -> None:
    with pytest.raises(RobustnessError, match="nonsense"):
        prepare(Request((card,), (folder,), device="nonsense"))


def test_a_front_end_that_is_not_the_trainings_is_refused(folder: Path, tmp_path: Path) -> None:
    card = write_card(tmp_path)
    soundfile.write(tmp_path / "golden.wav", recordings(1)[0].samples.numpy(), RATE_HZ, subtype="FLOAT")
    told = prepare(Request((card,), (folder,))).classifiers[0]
    window = place(batch_of(recordings(1)), torch.tensor([4800]), FRAME).samples
    logits = told.logits(window)[0].tolist()
    card.write_text(f'{card.read_text()}\n[golden]\nsamples = "golden.wav"\nlogits = {logits}\n')
    prepare(Request((card,), (folder,)))
    card.write_text(card.read_text().replace("top_db = 80.0", "top_db = 40.0"))
    with pytest.raises(CardError, match="the logits of the golden samples are not those of the card"):
        prepare(Request((card,), (folder,)))


def test_one_variant_twice_is_refused(card: Path, folder: Path) -> None:
    with pytest.raises(UsageError, match="twice"):
        prepare(Request((card,), (folder,), variants=("float32", "float32")))


def test_an_interrupt_keeps_what_is_done(card: Path, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = [sys.executable, "-m", "robustness", "report", "--model", card, "--recordings", folder, "--out", out, "--batch", "1"]
    with subprocess.Popen([str(part) for part in command], stderr=subprocess.PIPE, text=True) as process:
        partial = out.with_name("run.partial")
        for _ in range(600):
            if (partial / "manifest.json").exists():  # the networks are ready, and the sweep begins
                break
            time.sleep(0.05)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=120)
    assert process.returncode == INTERRUPTED, said
    assert "what is done is kept" in said
    assert not out.exists()
    kept = Run.open(partial)
    assert kept.manifest["interrupted"] is True
    assert len(kept.trials()) > 0


def test_noises_are_looked_at_before_anything_is_computed(card: Path, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(RobustnessError, match="holds no noise"):
        prepare(Request((card,), (folder,), settings=Settings(inputs={"noises": tmp_path})))


def test_a_date_on_a_card_is_text_on_the_page_and_a_nan_is_refused(folder: Path, tmp_path: Path) -> None:
    card = write_card(tmp_path)
    plain = card.read_text()
    card.write_text(f"{plain}\n[about]\ntrained = 2026-01-31\n")
    assert prepare(Request((card,), (folder,))).cards["small"]["about"] == {"trained": "2026-01-31"}
    card.write_text(f"{plain}\n[about]\nloss = nan\n")
    with pytest.raises(CardError, match="about: a number is nan"):
        prepare(Request((card,), (folder,)))
