from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from robustness.audio import takes
from robustness.audio.takes import open_take
from robustness.errors import CardError, UsageError
from robustness.frontends.microfrontend import Microfrontend
from robustness.frontends.streamed import pcm16
from robustness.models.card import load_classifier, read_card
from robustness.models.classifier import Classifier
from robustness.sweep.steps import keeps_state, stepped_scores
from tests.builders import classifier

CARD = """
name = "nabu"
labels = ["okay_nabu"]
output = "sigmoids"
threshold = 0.97
weights = {{ file = "nabu.tflite", sha256 = "{}" }}
frontend = {{ kind = "microfrontend", rate_hz = 16000, values = "int8", layout = "frames bands" }}
window = {{ duration_ms = 1500.0, placement = "end" }}
"""


@pytest.fixture
def nabu(shared: Path, tmp_path: Path) -> Classifier:
    """micro-wake-word's okay nabu, which keeps a state and takes three new frames a step."""
    pytest.importorskip("ai_edge_litert.interpreter")
    pytest.importorskip("pymicro_features")
    content = (shared / "micro_wake_word" / "okay_nabu.tflite").read_bytes()
    (tmp_path / "nabu.tflite").write_bytes(content)
    (tmp_path / "nabu.toml").write_text(CARD.format(hashlib.sha256(content).hexdigest()), encoding="utf-8")
    return load_classifier(tmp_path / "nabu.toml")


def test_a_take_in_blocks_of_any_size_is_one_run(nabu: Classifier, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert keeps_state(nabu)
    take = open_take(root / "recordings" / "joe-take.wav", 16_000)
    whole = stepped_scores(take, nabu)
    monkeypatch.setattr(takes, "BLOCK", 12_345)
    parts = stepped_scores(take, nabu)
    assert (parts.values == whole.values).all()
    assert whole.times_ms[:3].tolist() == [50.0, 80.0, 110.0]  # three frames of 30 ms by 10 ms, and three more
    frames = torch.from_numpy(Microfrontend(values="int8", layout="frames bands").run(pcm16(torch.from_numpy(take.part(0, 1e9)))))
    run = nabu.network.started()
    one_by_one = torch.cat([run(frame[None]) for frame in frames])
    assert (nabu.probabilities(nabu.logits_of(one_by_one)).astype(np.float32) == whole.values).all()
    assert len(np.unique(whole.values)) > 2


def test_a_window_starts_from_the_first_state(nabu: Classifier, root: Path) -> None:
    take = open_take(root / "recordings" / "joe-take.wav", 16_000)
    windows = torch.from_numpy(take.part(0, 6000)).unfold(0, nabu.frame.samples, 8000).contiguous()
    together, backwards = nabu.logits(windows), nabu.logits(windows.flip(0)).flip(0)
    assert torch.equal(together, backwards)
    frames = nabu.features(windows[:1])[0, 0].T
    outputs = nabu.network.started()(frames[len(frames) % 3 :])
    assert torch.equal(nabu.logits_of(outputs.amax(0, keepdim=True)).cpu(), together[:1])


@pytest.mark.parametrize(("steps", "preroll_ms"), [(1, 0.0), (5, 0.0), (5, 300.0), (5, 310.0), (3, 1440.0)])
def test_a_windows_score_is_its_largest_mean_after_the_preroll(
    nabu: Classifier, tmp_path: Path, root: Path, steps: int, preroll_ms: float
) -> None:
    card = tmp_path / "nabu.toml"
    text = card.read_text(encoding="utf-8").replace('placement = "end"', f'placement = "end", preroll_ms = {preroll_ms}')
    card.write_text(f'{text}\n[streaming]\nrule = "esphome"\nsettings = {{ sliding_window = {steps} }}\n', encoding="utf-8")
    smoothed = load_classifier(card)
    take = open_take(root / "recordings" / "joe-take.wav", 16_000)
    window = torch.from_numpy(take.part(0, 6000)).unfold(0, nabu.frame.samples, 8000)[1:2].contiguous()
    frames = nabu.features(window)[0, 0].T
    answers = nabu.network.started()(frames[len(frames) % 3 :])[:, 0].tolist()
    counted = []
    for at in range(len(answers)):
        recent = answers[max(0, at - steps + 1) : at + 1]
        if (at + 1) * 3 > preroll_ms / 10:  # frames that were fed by then
            counted.append(sum(recent) / steps)
    found = smoothed.probabilities(smoothed.logits(window))
    assert found[0, 0] == pytest.approx(max(counted), abs=1e-9)
    assert smoothed.probability_step == 1 / 256 / steps


def test_steps_are_for_networks_with_a_state(tmp_path: Path, root: Path) -> None:
    card = root / "models" / "digits.toml"
    text = card.read_text(encoding="utf-8").replace("[window]", "[window]\npreroll_ms = 300")
    (tmp_path / "digits.toml").write_text(text, encoding="utf-8")
    weights = read_card(card).weights
    assert weights is not None
    with pytest.raises(CardError, match=r"window\.preroll_ms is for a network that keeps a state, and this one takes a window at once"):
        load_classifier(tmp_path / "digits.toml", weights=root / "models" / weights.file)


def test_what_keeps_no_state_is_not_fed_step_by_step(root: Path) -> None:
    assert not keeps_state(classifier())
    with pytest.raises(UsageError, match='give its card kind = "microfrontend"'):
        stepped_scores(open_take(root / "recordings" / "joe-take.wav", 16_000), classifier())


def test_sound_that_ends_within_a_chunk_waits_for_more() -> None:
    pytest.importorskip("pymicro_features")
    pcm = pcm16(torch.randn(8_000, generator=torch.Generator().manual_seed(0)) * 0.1)
    program = Microfrontend().started()
    parts = np.concatenate([program(part) for part in np.array_split(pcm, 37)])
    assert (parts == Microfrontend().run(pcm)).all()
    assert len(Microfrontend().run(pcm[:7_990])) == len(parts) - 1
