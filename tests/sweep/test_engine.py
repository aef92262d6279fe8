"""Do batches, workers and runtimes leave the answers alone?"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from robustness.audio.placement import batch_of, place
from robustness.errors import UsageError
from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import TorchNetwork
from robustness.quantization.base import quantized
from robustness.sweep.engine import Engine
from robustness.sweep.inference import onnx_runtime
from robustness.sweep.inference.cache import USUAL_BYTES, bytes_a_window, cache_bytes, fitting_batch
from tests.builders import FRAME, classifier, recordings


@pytest.fixture(scope="module")
def windows() -> Tensor:
    return place(batch_of(recordings(11)), torch.full((11,), 1600), FRAME).samples


@pytest.fixture(scope="module")
def variants() -> list[Classifier]:
    return [quantized(classifier(), name) for name in ("float32", "dynamic-int8")]


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_workers_change_no_bit(windows: Tensor, variants: list[Classifier]) -> None:
    two = Engine.ready(variants, windows[:4], batch=3)
    torch.set_num_threads(1)
    one = Engine.ready(variants, windows[:4], batch=3)
    torch.set_num_threads(2)
    assert (one.workers, two.workers) == (1, 2)
    for a, b in zip(one.answers(windows), two.answers(windows), strict=True):
        assert torch.equal(a, b)
    assert torch.get_num_threads() == 2, "torch has its threads back"


@pytest.mark.usefixtures("two_threads")
def test_a_stream_keeps_its_order_and_gives_threads_back_when_left(windows: Tensor, variants: list[Classifier]) -> None:
    engine = Engine.ready(variants[:1], windows[:2], batch=2)
    (expected,) = engine.answers(windows)
    stream = engine.stream((first, windows[first : first + 3]) for first in range(8))
    for number in range(3):
        what, (logits,) = next(stream)
        assert what == number
        assert torch.allclose(logits, expected[number : number + 3], atol=1e-4, rtol=0)
    stream.close()
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_what_cannot_be_copied_has_one_worker_with_all_threads(windows: Tensor) -> None:
    class Odd(nn.Module):
        def __deepcopy__(self, memo: object) -> None:
            raise TypeError("no")

        def forward(self, features: Tensor) -> Tensor:
            return features.mean((1, 2, 3))[:, None].expand(-1, 11)

    network = TorchNetwork(Odd()).tried(classifier().features(windows[:2]))
    engine = Engine.ready([replace(classifier(), network=network, output="logits")], windows[:2])
    assert engine.workers == 1


def test_no_answer_depends_on_the_batch(windows: Tensor, variants: list[Classifier]) -> None:
    alone = [torch.cat([made.logits(window[None]) for window in windows]) for made in variants]
    for batch in (1, 4, 11):
        floats, int8 = Engine.ready(variants, windows[:4], batch=batch).answers(windows)
        assert (floats - alone[0]).abs().max() <= 1e-4
        assert torch.equal(int8, alone[1])


def test_what_was_chosen_is_in_words_and_the_same_twice(windows: Tensor, variants: list[Classifier]) -> None:
    first, second = (Engine.ready(variants, windows[:4]).facts for _ in range(2))
    assert first == second
    assert first["networks"] == {
        "small float32": "after a trunk that dynamic-int8 shares",
        "small dynamic-int8": "after a trunk that float32 shares",
    }
    assert Engine.ready(variants[:1], windows[:4]).facts["networks"] == {"small float32": "BatchNorm folded, channels last"}


@pytest.mark.parametrize(
    ("each", "workers", "cache", "expected"),
    [(1000, 1, 16_000, 16), (1000, 2, 16_000, 8), (1001, 1, 16_000, 8), (10**9, 1, 16_000, 1), (1, 1, 16_000, 64)],
)
def test_a_batch_fits_a_workers_share_of_the_cache(each: int, workers: int, cache: int, expected: int) -> None:
    assert fitting_batch(each, workers, cache) == expected


def test_the_cache_is_the_largest_that_linux_names(tmp_path: Path) -> None:
    for index, size in enumerate(("32K", "1M", "512K", "odd")):
        (tmp_path / f"index{index}").mkdir()
        (tmp_path / f"index{index}" / "size").write_text(f"{size}\n", encoding="ascii")
    assert cache_bytes(tmp_path) == 2**20
    assert cache_bytes(tmp_path / "absent") == USUAL_BYTES


def test_the_work_of_a_window_is_its_largest_step() -> None:
    """The first BatchNorm of the tutorial's network reads and writes 32 channels of 57 × 82 floats."""
    made = classifier()
    assert bytes_a_window(made, made.features(torch.zeros(1, FRAME.samples))) == 2 * 32 * 57 * 82 * 4


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("onnxruntime") is None, reason="needs the extra onnx")
def test_onnx_runtime_answers_the_same(windows: Tensor, variants: list[Classifier]) -> None:
    engine = Engine.ready(variants, windows[:4], runtime="onnx")
    assert engine.facts["networks"]["small float32"] == "by ONNX Runtime"
    floats, int8 = engine.answers(windows)
    assert (floats - torch.cat([variants[0].logits(window[None]) for window in windows])).abs().max() <= 1e-4
    assert torch.equal(int8, torch.cat([variants[1].logits(window[None]) for window in windows]))


def test_without_the_extra_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch, windows: Tensor) -> None:
    monkeypatch.setattr(onnx_runtime, "NEEDED", ("onnxruntime_that_is_not_there",))
    with pytest.raises(UsageError, match=r"--engine onnx needs onnxruntime_that_is_not_there; `pip install 'speech-robustness\[onnx\]'`"):
        Engine.ready([classifier()], windows[:2], runtime="onnx")
