"""Does a card name a front-end by preset, by factory and by command, and are golden features compared stage by stage?"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from robustness.cli.main import run
from robustness.errors import DONE, USER_ERROR, CardError
from robustness.frontends.base import FRONTENDS
from robustness.models.card import load_classifier, read_card
from robustness.models.golden import golden_stages
from tests.builders import RATE_HZ, recording
from tests.cards import write_card

KIND = 'kind = "log-mel"\n'
SETTINGS = 'kind = "log-mel"\nrate_hz = 16000\nn_fft = 320\nhop_samples = 160\nn_mels = 64\ntop_db = 80.0\n'
OWN = """
import torch
from torchaudio.transforms import AmplitudeToDB, MelSpectrogram

def make(top_db):
    mel, decibels = MelSpectrogram(16000, n_fft=320, hop_length=160, n_mels=64), AmplitudeToDB("power", top_db)
    return lambda samples: decibels(mel(samples)[:, None])

def transposed(top_db):
    ours = make(top_db)
    return lambda samples: ours(samples)[:, 0].transpose(1, 2)

def fails():
    return lambda samples: 1 / 0

def number():
    return 7
"""
PROGRAM = """
import sys
import numpy as np
x = np.frombuffer(sys.stdin.buffer.read(), "<i2").astype(np.float32) / 32768
frames = [x[k * 160 : k * 160 + 160] for k in range(1 + (len(x) - 160) // 160)]
sys.stdout.buffer.write(np.array([[f.mean(), f.std(), abs(f).max()] for f in frames], "<f4").tobytes())
"""


@pytest.fixture
def card(tmp_path: Path) -> Path:
    (tmp_path / "own_features.py").write_text(OWN, encoding="utf-8")
    return write_card(tmp_path)


def with_frontend(card: Path, section: str) -> Path:
    text = card.read_text(encoding="utf-8")
    assert SETTINGS in text
    card.write_text(text.replace(SETTINGS, section), encoding="utf-8")
    return card


def window() -> torch.Tensor:
    return recording("a", 1000).samples[None]


def test_a_preset_is_its_settings_with_single_keys_over_it(card: Path) -> None:
    plain = load_classifier(card)
    named = load_classifier(with_frontend(card, 'preset = "tutorial"\n'))  # its rate is the preset's
    assert named.frontend == plain.frontend
    other = load_classifier(with_frontend_again(card, 'preset = "tutorial"\nrate_hz = 16000\ntop_db = "none"\n'))
    assert other.frontend.top_db is None  # type: ignore[attr-defined]


def with_frontend_again(card: Path, section: str) -> Path:
    text = card.read_text(encoding="utf-8")
    start, end = text.index("[frontend]\n") + len("[frontend]\n"), text.index("\n[window]")
    card.write_text(text[:start] + section + text[end:], encoding="utf-8")
    return card


@pytest.mark.parametrize(("maker", "layout"), [("make", "channel bands frames"), ("transposed", "frames bands")])
def test_a_factory_makes_ones_own(card: Path, maker: str, layout: str) -> None:
    expected = load_classifier(card).features(window())
    section = f'factory = "own_features:{maker}"\narguments = {{ top_db = 80.0 }}\nrate_hz = 16000\nlayout = "{layout}"\n'
    card = with_frontend(card, section)
    if layout == "frames bands":  # this network takes them the other way
        with pytest.raises(CardError, match=r"does not take features"):
            load_classifier(card)
        return
    made = load_classifier(card)
    assert torch.equal(made.features(window()), expected)
    assert made.frontend.picture.name == "log-mel"
    assert made.frontend.silence(expected).shape == (1, 1, 64, 1)


def test_features_of_a_factory_are_carried_to_our_order(card: Path) -> None:
    from robustness.models.frontend_settings import frontend_from

    section = {"factory": "own_features:transposed", "arguments": {"top_db": 80.0}, "rate_hz": RATE_HZ, "layout": "frames bands"}
    assert torch.equal(frontend_from(section, card).features(window()), load_classifier(card).features(window()))


@pytest.mark.parametrize(
    ("section", "words"),
    [
        (
            'kind = "stft"\nrate_hz = 16000\n',
            r"frontend\.kind: there is no front-end 'stft'.*factory = \"module:callable\".*kind = \"waveform\"",
        ),
        ('preset = "kaldi"\nrate_hz = 16000\n', r"frontend\.preset: there is no preset 'kaldi'"),
        ("rate_hz = 16000\n", "frontend says not which one it is"),
        (KIND + 'factory = "a:b"\nrate_hz = 16000\n', "frontend.factory makes the whole front-end"),
        (KIND + "rate_hz = 16000\nwibble = 3\n", r"there is no key `frontend\.wibble`.*can be your own function"),
        ('factory = "own_features:absent"\nrate_hz = 16000\n', r"frontend\.factory: own_features has no callable absent"),
        ('factory = "own_features:number"\nrate_hz = 16000\n', "gives a int; expected a function from windows"),
        ('factory = "own_features:fails"\nrate_hz = 16000\n', "the front-end cannot be computed .*division by zero"),
        ('kind = "command"\nrate_hz = 16000\n', r'give frontend\.command, such as "\./frontend"'),
        ('kind = "command"\nrate_hz = 16000\ncommand = "absent-program"\n', "'absent-program' cannot be run"),
        ('kind = "command"\nrate_hz = 16000\ncommand = "false"\n', "ended with status 1: it said nothing"),
        ('kind = "command"\nrate_hz = 16000\ncommand = "printf abc"\nbands = 2\n', "wrote 3 bytes; expected frames of 2 float32 numbers"),
        ('kind = "tflm-graph"\nrate_hz = 16000\n', "audio_preprocessor_int8.tflite is not there"),
    ],
)
def test_a_mistake_is_named_with_the_way_out(card: Path, section: str, words: str) -> None:
    with pytest.raises(CardError, match=words):
        load_classifier(with_frontend(card, section))


def test_a_program_reads_samples_and_writes_frames(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    made = FRONTENDS["command"](command=f"{sys.executable} program.py", bands=3, folder=str(tmp_path))  # type: ignore[call-arg]
    clips = torch.stack([recording("a", 1000).samples, recording("b", 1000, seed=3).samples])
    found = made.features(clips)
    frames = (clips.double() * 32768).round().clamp(-32768, 32767).div(32768).unfold(1, 160, 160)
    expected = torch.stack([frames.mean(2), frames.std(2, correction=0), frames.abs().amax(2)], dim=1)
    assert torch.allclose(found[:, 0].double(), expected, atol=1e-6)
    assert torch.allclose(made.silence(found), torch.zeros(1))


def golden(card: Path, features: np.ndarray, more: str = "") -> Path:
    np.save(card.parent / "golden.npy", features)
    soundfile.write(card.parent / "golden.wav", window()[0].numpy(), RATE_HZ, subtype="FLOAT")
    with card.open("a", encoding="utf-8") as file:
        file.write(f'[golden]\nsamples = "golden.wav"\nfeatures = "golden.npy"\n{more}')
    return card


@pytest.mark.parametrize("turned", [False, True])
def test_golden_features_agree_in_either_order(card: Path, turned: bool) -> None:
    features = load_classifier(card).features(window())[0, 0].numpy()
    card = golden(card, features.T if turned else features)
    stages = golden_stages(load_classifier(card), read_card(card).golden, card)  # type: ignore[arg-type]
    assert [(stage.name, stage.agrees) for stage in stages] == [("samples", True), ("features", True)]


def test_where_features_depart_first_is_said(card: Path) -> None:
    features = load_classifier(card).features(window())[0, 0].numpy()
    features[7, 42] += 5.0
    features[8, 42:44] += 1.0
    card = golden(card, features)
    stages = golden_stages(load_classifier(card), read_card(card).golden, card)  # type: ignore[arg-type]
    assert not stages[1].agrees
    assert "by up to 5 of " in stages[1].says
    assert "largest in band 7 (" in stages[1].says
    assert "frame 42 (420 ms)" in stages[1].says
    assert "3 of 6464 cells are off, in bands 7–8 and frames 42–43" in stages[1].says


def checked(card: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["robustness", "check", str(card)])
    return run(), *capsys.readouterr()


def test_check_names_the_change_that_explains_it(card: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    theirs = FRONTENDS["log-mel"](mel_scale="slaney").features(window())[0, 0].numpy()  # type: ignore[call-arg]
    status, out, err = checked(golden(card, theirs), monkeypatch, capsys)
    assert status == USER_ERROR
    assert "features DIFFER" in out
    assert 'with mel_scale = "slaney" in [frontend] it agrees to ' in err


def test_check_names_the_change_by_logits_alone(card: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    made = load_classifier(card)
    theirs = made.logits_from(FRONTENDS["log-mel"](log="ln").features(window()))[0].tolist()  # type: ignore[call-arg]
    soundfile.write(card.parent / "golden.wav", window()[0].numpy(), RATE_HZ, subtype="FLOAT")
    with card.open("a", encoding="utf-8") as file:
        file.write(f'[golden]\nsamples = "golden.wav"\nlogits = {theirs}\n')
    status, _, err = checked(card, monkeypatch, capsys)
    assert status == USER_ERROR
    assert 'with log = "ln" in [frontend] they agree to ' in err


def test_the_label_is_a_stage(card: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    made = load_classifier(card)
    answers = made.logits(window())[0]
    features = made.features(window())[0, 0].numpy()
    right = golden(card, features, f'label = "{made.labels[int(answers.argmax())]}"\n')
    assert checked(right, monkeypatch, capsys)[0] == DONE
    text = right.read_text(encoding="utf-8")
    right.write_text(text.replace(f'\nlabel = "{made.labels[int(answers.argmax())]}"', f'\nlabel = "{made.labels[int(answers.argmin())]}"'))
    status, _, err = checked(right, monkeypatch, capsys)
    assert status == USER_ERROR
    assert "labels are in another order" in err


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((64, 99), "the bands fit and 99 frames do not"),
        ((40, 101), "the frames fit and the bands do not: n_mels or n_mfcc is another"),
        ((3, 5), "neither axis fits"),
    ],
)
def test_which_axis_fits_is_said(card: Path, shape: tuple[int, int], words: str) -> None:
    card = golden(card, np.zeros(shape))
    with pytest.raises(CardError, match=words):
        golden_stages(load_classifier(card), read_card(card).golden, card)  # type: ignore[arg-type]


def test_sixteen_bit_samples_in_a_float_array_are_named(
    card: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(card.parent / "golden-samples.npy", (window()[0] * 32768).numpy())
    with card.open("a", encoding="utf-8") as file:
        file.write('[golden]\nsamples = "golden-samples.npy"\nlabel = "yes"\n')
    status, _, err = checked(card, monkeypatch, capsys)
    assert status == USER_ERROR
    assert "they look like 16-bit numbers; full scale is ±1, divide by 32768" in err


@pytest.mark.parametrize(
    ("rate_hz", "count", "words"),
    [
        (8_000, 8_000, "is of another rate .resampled from 8000 to 16000 Hz.*no two resamplers agree"),
        (16_000, 20_000, "holds 20000 samples and the window 16000"),
    ],
)
def test_golden_samples_of_another_rate_or_length_are_refused(card: Path, rate_hz: int, count: int, words: str) -> None:
    soundfile.write(card.parent / "golden.wav", np.random.default_rng(0).standard_normal(count) * 0.1, rate_hz)
    with card.open("a", encoding="utf-8") as file:
        file.write('[golden]\nsamples = "golden.wav"\nlabel = "yes"\n')
    with pytest.raises(CardError, match=words):
        golden_stages(load_classifier(card), read_card(card).golden, card)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ('samples = "a.wav"', "golden has samples alone"),
        ('samples = "a.wav"\nlabel = "wibble"', "golden.label is 'wibble', which is not among the labels"),
    ],
)
def test_a_golden_section_says_something(card: Path, section: str, words: str) -> None:
    with card.open("a", encoding="utf-8") as file:
        file.write(f"[golden]\n{section}\n")
    with pytest.raises(CardError, match=words):
        read_card(card)
