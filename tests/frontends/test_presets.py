"""Does each preset give what the original library gives, and does a front-end keep what every front-end promises?"""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from robustness.errors import UsageError
from robustness.frontends.base import FRONTENDS, TakesLayout, laid_out
from robustness.frontends.presets import card_settings, made_from, preset_named, presets
from tests.frontends.golden_recipe import RECIPES, RECORDING
from tests.frontends.table import rows

GOLDEN = Path(__file__).resolve().parent / "golden.npz"
ROUNDING = 2e-5  # of the range of the features: float32 in another order of sums
USERS = ("micro-speech",)  # its graph is the user's file


def clip() -> Tensor:
    return torch.from_numpy(soundfile.read(RECORDING, dtype="float32")[0])[None]


def noises() -> Tensor:
    levels = torch.tensor([0.1, 1e-4, 0.3])[:, None]
    return torch.randn(3, 16_000, generator=torch.Generator().manual_seed(1)) * levels


def test_the_golden_file_is_small_and_whole() -> None:
    assert GOLDEN.stat().st_size < 200_000
    assert set(np.load(GOLDEN).files) == set(RECIPES) <= set(presets())


@pytest.mark.parametrize("name", RECIPES)
def test_a_preset_is_what_the_original_library_gives(name: str) -> None:
    frontend, expected = made_from(name), np.load(GOLDEN)[name]
    found = laid_out(frontend.features(clip()), frontend.layout)[0].numpy()
    expected = expected.reshape(found.shape) if frontend.layout.startswith("flat") else expected
    assert np.squeeze(found).shape == np.squeeze(expected).shape
    assert np.abs(np.squeeze(found) - np.squeeze(expected)).max() <= ROUNDING * np.ptp(expected)


def test_torchaudio_is_the_default_to_the_last_bit() -> None:
    from torchaudio.transforms import AmplitudeToDB, MelSpectrogram

    windows = noises()
    expected = AmplitudeToDB("power", 80.0)(MelSpectrogram(16_000, n_fft=320, hop_length=160, n_mels=64)(windows)[:, None])
    assert torch.equal(made_from("tutorial").features(windows), expected)


@pytest.mark.parametrize(("norm", "scale"), [("none", "htk"), ("slaney", "slaney")])
def test_torchaudios_other_settings_are_there(norm: str, scale: str) -> None:
    from torchaudio.transforms import MelSpectrogram

    of_torchaudio = MelSpectrogram(
        16_000, n_fft=512, win_length=400, hop_length=160, n_mels=40, power=1.0, norm=None if norm == "none" else norm, mel_scale=scale,
        center=False, window_fn=torch.hamming_window,
    )  # fmt: skip
    ours = FRONTENDS["log-mel"](  # type: ignore[call-arg]
        n_fft=512, window_samples=400, n_mels=40, power=1.0, mel_norm=norm, mel_scale=scale, center=False, window="hamming", log="none",
    )  # fmt: skip
    windows = noises()
    assert torch.allclose(ours.features(windows)[:, 0], of_torchaudio(windows), rtol=1e-5, atol=1e-6)


def test_torchaudios_mfcc() -> None:
    from torchaudio.transforms import MFCC

    windows = noises()
    expected = MFCC(16_000, melkwargs={"n_fft": 400, "hop_length": 200, "n_mels": 40})(
        windows[:1]
    )  # top_db of torchaudio looks at the batch
    found = made_from("torchaudio-mfcc", n_mels=40).features(windows[:1])[:, 0]
    assert torch.allclose(found, expected, atol=2e-3)


@pytest.mark.parametrize("name", [name for name in presets() if name not in USERS])
def test_a_clip_does_not_depend_on_its_batch_mates(name: str) -> None:
    frontend, windows = made_from(name), noises().repeat(5, 1)  # more than are computed at once
    assert torch.equal(frontend.features(windows), torch.cat([frontend.features(one[None]) for one in windows]))


@pytest.mark.parametrize("name", [name for name in presets() if name not in USERS])
def test_zeros_look_like_silence(name: str) -> None:
    frontend = made_from(name)
    zeros = frontend.features(torch.zeros(1, 16_000))
    assert torch.allclose(frontend.silence(zeros).expand_as(zeros), zeros, atol=1e-3)


@pytest.mark.parametrize("name", [name for name in presets() if name not in USERS])
def test_a_preset_in_a_card_is_the_same_front_end(name: str) -> None:
    settings = card_settings(made_from(name))
    kind = settings.pop("kind")
    assert FRONTENDS[kind](**{key: None if key == "top_db" and value == "none" else value for key, value in settings.items()}) == made_from(
        name
    )


def test_an_unknown_preset_is_answered_with_the_right_ones() -> None:
    with pytest.raises(UsageError, match=r"no preset 'mlperf-tiny-kw'; did you mean mlperf-tiny-kws.*kaldi-fbank"):
        preset_named("mlperf-tiny-kw")


@pytest.mark.parametrize(
    ("layout", "shape"),
    [
        ("channel bands frames", (2, 1, 3, 5)),
        ("frames bands", (2, 5, 3)),
        ("bands frames", (2, 3, 5)),
        ("frames bands channel", (2, 5, 3, 1)),
        ("frames channel bands", (2, 5, 1, 3)),
        ("flat frames bands", (2, 15)),
    ],
)
def test_a_network_is_given_its_own_order_of_axes(layout: str, shape: tuple[int, ...]) -> None:
    features = torch.arange(30.0).reshape(2, 1, 3, 5)
    given = TakesLayout(torch.nn.Identity(), layout)(features)  # type: ignore[arg-type]
    assert given.shape == shape
    by_hand = features[:, 0].transpose(1, 2) if layout.index("frames") < layout.index("bands") else features[:, 0]
    assert given.flatten().tolist() == by_hand.flatten().tolist()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"n_mels": 0}, "n_mels is 0; expected 1 or more"),
        ({"hop_samples": -1}, "hop_samples is -1; expected 1 or more"),
        ({"floor": 0.0}, "floor is 0; expected more than 0"),
        ({"f_max_hz": 9000.0}, "at most half the rate, 8000 Hz"),
        ({"f_min_hz": 4000.0, "f_max_hz": 300.0}, "a lower edge below the upper one"),
    ],
)
def test_a_setting_out_of_range_is_named(settings: dict[str, float], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        FRONTENDS["log-mel"](**settings)


def test_bands_without_a_bin_are_known() -> None:
    assert FRONTENDS["log-mel"](n_fft=256, n_mels=128).empty_bands  # type: ignore[call-arg,attr-defined]
    assert FRONTENDS["log-mel"]().empty_bands == ()  # type: ignore[attr-defined]


def test_pcen_against_its_definition_frame_by_frame() -> None:
    frontend = made_from("librosa-pcen")
    energies = FRONTENDS["log-mel"](**{**_shared(frontend), "log": "none"}).features(clip())[0, 0].double()
    frames = 0.4 * 16_000 / 512
    share = ((1 + 4 * frames**2) ** 0.5 - 1) / (2 * frames**2)
    level, expected = torch.ones(len(energies), dtype=torch.float64), []
    for energy in energies.T:
        level = (1 - share) * level + share * energy
        expected.append((energy / (1e-6 + level) ** 0.98 + 2) ** 0.5 - 2**0.5)
    assert torch.allclose(frontend.features(clip())[0, 0].double(), torch.stack(expected, 1), atol=1e-4)


def _shared(frontend: object) -> dict[str, object]:
    names = "samples n_fft hop_samples padding n_mels mel_scale mel_norm power".split()
    return {name: getattr(frontend, name) for name in names} | {"top_db": None}


@pytest.mark.parametrize("name", ["mlperf-tiny-kws", "edge-impulse-mfcc"])
def test_cepstra_are_drawn_by_the_log_mel_under_them(name: str) -> None:
    frontend = made_from(name)
    assert frontend.band_hz == ()
    picture = frontend.picture
    assert picture.name == "log-mel"
    assert len(picture.band_hz) == frontend.n_mels  # type: ignore[attr-defined]
    assert picture.features(clip()).shape[3] == frontend.features(clip()).shape[3]


def test_the_recipe_names_what_it_needs() -> None:
    done = subprocess.run([sys.executable, "-c", "import tests.frontends.golden_recipe"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr  # the libraries are imported where they are used


def test_the_documents_table_is_the_one_that_is_measured(root: Path) -> None:
    text = (root / "docs" / "frontends.md").read_text(encoding="utf-8")
    written = {cells[1].strip("` "): cells for line in text.splitlines() if (cells := line.split("|"))[0] == "" and len(cells) == 7}
    for row in rows():
        cells = written[row.preset]
        assert [cells[2].strip(), cells[3].strip()] == [row.original, row.shape]
        assert row.largest <= max(3 * float(cells[5]), 1e-6)  # another processor adds in another order


def test_every_setting_is_in_the_document(root: Path) -> None:
    text = (root / "docs" / "frontends.md").read_text(encoding="utf-8")
    settings = {field.name for name in ("log-mel", "mfcc", "pcen") for field in dataclasses.fields(FRONTENDS[name])}  # type: ignore[arg-type]
    assert sorted(name for name in settings - {"rate_hz", "n_fft", "layout"} if f"`{name}`" not in text) == []


@pytest.mark.parametrize("name", ["mlperf-tiny-kws", "edge-impulse-mfcc", "python-speech-features", "micro-wake-word"])
def test_a_window_is_resynthesised_over_any_framing(name: str) -> None:
    from robustness.models.resynthesis import Resynthesis

    picture, window = made_from(name).picture, noises()[0]
    resynthesis = Resynthesis(window, picture)
    shape = picture.features(window[None])[:, 0].shape
    assert torch.allclose(resynthesis(torch.ones(shape)), window[None], atol=1e-6)
    gains = torch.ones(shape)
    at = shape[2] // 2
    gains[..., at:] = 0.0  # the second half falls silent, the first stays
    made = resynthesis(gains)[0]
    middle = round((picture.first_frame_ms + at * picture.hop_ms) * 16)
    assert torch.allclose(made[: middle - 1200], window[: middle - 1200], atol=1e-5)
    assert made[middle + 1200 : -1200].square().mean() < 0.02 * window.square().mean()


def test_cepstra_are_explained_with_gradients_through_the_sound() -> None:
    from robustness.audio.placement import Frame
    from robustness.models.classifier import Classifier
    from robustness.models.formats.torch_module import TorchNetwork
    from robustness.models.resynthesis import explainable

    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.LazyLinear(3))
    frontend = made_from("mlperf-tiny-kws")
    window = noises()[0]
    fitted = frontend.fitted(net)
    fitted(frontend.features(window[None]))
    shown = explainable(
        Classifier("c", "float32", ("a", "b", "c"), frontend, TorchNetwork(fitted.eval()), "logits", Frame(16_000, 16_000, "center")),
        window,
    )
    features = shown.frontend.features(window[None]).clone().requires_grad_()
    logits = shown.forward(features)
    with torch.no_grad():
        assert torch.allclose(logits, fitted(frontend.features(window[None])), atol=1e-3)
    logits[0, 0].backward()
    assert features.grad is not None
    assert features.grad.isfinite().all()
    assert features.grad.abs().max() > 0.0
