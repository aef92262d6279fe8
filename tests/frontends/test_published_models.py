"""Do models of the field, as they ship, give their known answers through our front-ends?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import torch

from robustness.errors import UsageError
from robustness.frontends.base import FRONTENDS, laid_out
from robustness.frontends.presets import made_from

STEP = 512
RATE_HZ = 16_000


def test_mlperf_tinys_features(shared: Path) -> None:
    expected = np.load(shared / "mlperf_tiny" / "expected_features.npz")
    frontend = made_from("mlperf-tiny-kws")
    assert len(expected.files) == 12
    for name in expected.files:
        word, _, file = name.partition("__")
        samples = torch.from_numpy(soundfile.read(shared / "speech_commands" / word / file, dtype="float32")[0])
        window = torch.nn.functional.pad(samples, (0, RATE_HZ - len(samples)))[None]
        found = laid_out(frontend.features(window), frontend.layout)[0, :, :, 0].numpy()
        assert np.abs(found - expected[name]).max() < 1e-4


def test_mlperf_tinys_streaming_wake_word_hears_marvin_three_times(shared: Path) -> None:
    samples = soundfile.read(shared / "mlperf_tiny" / "short_wav_easy10s.wav", dtype="float32")[0][:, 0]
    features = made_from("mlperf-tiny-sww").features(torch.from_numpy(samples.copy())[None])[0, 0].T.numpy()
    answers = np.array([litert(shared)(features[start : start + 30]) for start in range(len(features) - 29)])
    ends = ((np.arange(len(answers)) + 29) * STEP + 1024) / RATE_HZ
    said = {word: answers[(ends > word) & (ends < word + 1.6)] for word in (1.0, 4.0, 7.0)}
    assert all(part.max() > 0.5 for part in said.values())
    assert [bool(part.max() > 0.95) for part in said.values()] == [True, True, False]
    assert (ends[answers > 0.5].min(), ends[answers > 0.5].max()) == pytest.approx((1.22, 7.81), abs=0.01)
    elsewhere = [answer for answer, end in zip(answers, ends, strict=True) if not any(word < end < word + 1.6 for word in said)]
    assert max(elsewhere) < 0.5


_KEPT: dict[Path, Any] = {}


def litert(shared: Path) -> Any:
    """The int8 model by LiteRT: 30 frames in, the probability of marvin out."""
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    if shared not in _KEPT:
        _KEPT[shared] = interpreter.Interpreter(str(shared / "mlperf_tiny" / "str_ww_ref_model.tflite"))
        _KEPT[shared].allocate_tensors()
    model = _KEPT[shared]
    taken, given = model.get_input_details()[0], model.get_output_details()[0]

    def ask(frames: npt.NDArray[np.float32]) -> float:
        scale, zero = taken["quantization"]
        model.set_tensor(taken["index"], np.clip(np.round(frames / scale) + zero, -128, 127).astype(np.int8).reshape(taken["shape"]))
        model.invoke()
        scale, zero = given["quantization"]
        return float((int(model.get_tensor(given["index"])[0, 0]) - zero) * scale)

    return ask


@pytest.mark.parametrize(("name", "label"), [("silence", 0), ("noise", 0), ("yes", 2), ("no", 3)])  # noise has no label: no word is silence
def test_micro_speech_answers_its_four_sounds_by_name(shared: Path, name: str, label: int) -> None:
    pytest.importorskip("tflite_micro")
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    folder = shared / "micro_speech"
    samples = torch.from_numpy(soundfile.read(folder / f"{name}_1000ms.wav", dtype="float32")[0])[None]
    frontend = made_from("micro-speech", folder=str(folder))
    features = laid_out(frontend.features(samples), frontend.layout)
    assert features.shape == (1, 1960)
    assert frontend.quantized
    model = interpreter.Interpreter(str(folder / "micro_speech_quantized.tflite"))
    model.allocate_tensors()
    model.set_tensor(model.get_input_details()[0]["index"], features.numpy().astype(np.int8))
    model.invoke()
    assert int(model.get_tensor(model.get_output_details()[0]["index"])[0].argmax()) == label


def words(samples: npt.NDArray[np.float32]) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(samples, dtype=np.float32))[None]


def noise(seconds: float, level: float) -> npt.NDArray[np.float32]:
    return (np.random.default_rng(0).standard_normal(round(seconds * RATE_HZ)) * level).astype(np.float32)


def test_the_microfrontend_is_pymicro_features_and_quantized_as_firmware_does() -> None:
    pymicro = pytest.importorskip("pymicro_features")
    samples = noise(1.0, 0.1)
    program, frames = pymicro.MicroFrontend(), []
    pcm = np.clip(np.rint(samples.astype(np.float64) * 32768), -32768, 32767).astype("<i2")
    for start in range(0, len(pcm), 160):
        made = program.process_samples(pcm[start : start + 160].tobytes())
        frames += [made.features] if made.features else []
    values = {kind: FRONTENDS["microfrontend"](values=kind).features(words(samples))[0, 0].T.numpy() for kind in ("float", "raw", "int8")}  # type: ignore[call-arg]
    assert values["float"].shape == (98, 40)
    assert np.array_equal(values["float"], np.array(frames, np.float32))
    for raw, quantized in zip(values["raw"].ravel().astype(int), values["int8"].ravel().astype(int), strict=True):
        assert quantized == min(127, max(-128, (raw * 256 + 333) // 666 - 128))


def test_a_microfrontends_memory_is_as_old_as_the_pre_roll() -> None:
    pytest.importorskip("pymicro_features")
    samples = noise(0.5, 0.05)
    fresh = made_from("micro-wake-word", values="float").features(words(samples))
    after_zeros = made_from("micro-wake-word", values="float", preroll_ms=1000.0).features(words(samples))
    after_noise = made_from("micro-wake-word", values="float", preroll_ms=1000.0, preroll_dbfs=-20.0).features(words(samples))
    assert fresh.shape == after_zeros.shape == after_noise.shape == (1, 1, 40, 48)
    assert (after_noise - fresh).abs().max() > 1.0
    whole = np.concatenate([np.zeros(RATE_HZ, np.float32), samples])
    assert torch.equal(made_from("micro-wake-word", values="float").features(words(whole))[..., -48:], after_zeros)


@pytest.mark.parametrize(
    ("settings", "words_"),
    [
        ({"rate_hz": 8000}, "made for 16000 Hz"),
        ({"preroll_ms": 15.0}, "a multiple of the hop, 10 ms"),
        ({"hop_samples": 320}, "a hop of 160"),
    ],
)
def test_what_a_microfrontend_cannot_do_is_said(settings: dict[str, float], words_: str) -> None:
    with pytest.raises(UsageError, match=words_):
        FRONTENDS["microfrontend"](**settings)
