"""Is a model loaded as its card says, and does every mistake in a card name its file, its key and what to do?"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from torch import nn

from robustness.audio.placement import Frame
from robustness.errors import CardError, RobustnessError, UsageError
from robustness.frontends.log_mel import LogMel
from robustness.models.card import Card, load_classifier, read_card
from robustness.models.formats.torch_module import module_of
from robustness.models.golden import golden_result
from robustness.models.probing import output_contradiction
from tests.builders import LABELS, RATE_HZ, classifier, recording
from tests.cards import write_card

MINE = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, bias: float = 0.0, shape: str = "fine") -> None:
        super().__init__()
        self.linear = nn.Linear(64, 11)
        self.bias = bias
        self.shape = shape

    def forward(self, features):
        logits = self.linear(features.mean(dim=(1, 3))) + self.bias
        if self.shape == "flat":
            return logits.flatten()
        if self.shape == "pair":
            return logits, logits
        if self.shape == "nan":
            return logits * float("nan")
        if self.shape == "silence":
            return logits / (features - features.mean()).square().sum(dim=(1, 2, 3)).clamp_max(1)[:, None].round() * 0
        return logits

def fails(): raise ValueError("a reason of its own")
def number(): return 3
constant = 3
"""


def changed(card: Path, *changes: tuple[str, str]) -> Path:
    """The card with texts replaced; each must be there."""
    text = card.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    card.write_text(text, encoding="utf-8")
    return card


def with_weights(card: Path, save: Callable[[Path], object]) -> Path:
    """The card with other weights, and their SHA-256."""
    weights = card.parent / "small.pt"
    old = hashlib.sha256(weights.read_bytes()).hexdigest()
    save(weights)
    return changed(card, (old, hashlib.sha256(weights.read_bytes()).hexdigest()))


def with_own_net(folder: Path, arguments: str = "{}", factory: str = "mine:Net", output: str = "logits", code: str = MINE) -> Path:
    """A card whose network is the user's own, in a file beside it."""
    card = write_card(folder)
    (folder / "mine.py").write_text(code, encoding="utf-8")
    rng = torch.Generator().manual_seed(5)
    state = {"linear.weight": torch.randn(11, 64, generator=rng), "linear.bias": torch.randn(11, generator=rng)}
    with_weights(card, lambda path: torch.save(state, path))
    return changed(
        card,
        ('"robustness.models.architectures:TutorialNet"', f'"{factory}"'),
        ("arguments = { labels = 11 }", f"arguments = {arguments}"),
        ('"log-probabilities"', f'"{output}"'),
    )


@pytest.fixture
def card(tmp_path: Path) -> Path:
    return write_card(tmp_path)


def test_a_model_is_loaded_as_its_card_says(card: Path) -> None:
    loaded, direct = load_classifier(card), classifier(0)
    assert (loaded.name, loaded.variant, loaded.labels, loaded.unknown) == ("small", "float32", LABELS, "unknown")
    assert (loaded.silence, loaded.threshold, loaded.output) == (None, None, "log-probabilities")
    assert (loaded.frame, loaded.frontend) == (Frame(RATE_HZ, RATE_HZ, "center"), LogMel())
    assert not module_of(loaded.network).training
    samples = torch.nn.functional.pad(recording("a").samples, (0, 8_000))[None]
    assert torch.equal(loaded.logits(samples), direct.logits(samples))


def test_loading_leaves_random_state_and_import_path_alone(card: Path) -> None:
    path, state = list(sys.path), torch.random.get_rng_state()
    load_classifier(card)
    assert sys.path == path
    assert torch.equal(torch.random.get_rng_state(), state)


def test_weights_may_lie_elsewhere(card: Path, tmp_path: Path) -> None:
    elsewhere = (card.parent / "small.pt").rename(tmp_path / "copy.bin")
    with pytest.raises(
        CardError, match=r"small\.toml: the weights .*small\.pt are not there; put them there, or give a copy with --weights"
    ):
        load_classifier(card)
    assert load_classifier(card, weights=elsewhere).name == "small"


def test_the_tutorials_card_says_how_to_get_its_weights(root: Path) -> None:
    if (root / "models" / "speech_commands_model.pt").exists():
        assert load_classifier(root / "models" / "tutorial.toml").name == "tutorial"
        return
    with pytest.raises(
        CardError, match=r"speech_commands_model\.pt are not there; get them with `robustness fetch tutorial`.*--weights PATH"
    ):
        load_classifier(root / "models" / "tutorial.toml")


def test_everything_but_about_is_optional_or_checked(card: Path) -> None:
    changed(card, ('unknown = "unknown"', 'threshold = 0.6\nsilence = "off"'), ('placement = "center"', ""))
    with card.open("a", encoding="utf-8") as file:
        file.write('[about]\nanything = ["goes", "here"]\n')
    said = read_card(card)
    assert (said.threshold, said.silence, said.unknown, said.window.placement) == (0.6, "off", None, "center")
    assert said.about == {"anything": ["goes", "here"]}


@pytest.mark.parametrize(("duration_ms", "samples"), [("1000.0", 16_000), ("1000", 16_000), ("62.5", 1_000), ("0.01", 1)])
def test_the_window_in_samples(card: Path, duration_ms: str, samples: int) -> None:
    assert read_card(changed(card, ("1000.0", duration_ms))).frame.samples == samples


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('unknown = "', 'unknwon = "', r"there is no key `unknwon`; did you mean `unknown`\?$"),
        ("labels = [", "lables = [", r"there is no key `lables`; did you mean `labels`\?$"),
        ("sha256 =", "sha =", r"there is no key `weights\.sha`; did you mean `sha256`\?$"),
        ("[window]", "[windw]", r"there is no key `windw`; did you mean `window`\?$"),
        ("n_mels =", "n_mel =", r"there is no key `frontend\.n_mel`; did you mean `n_mels`\?$"),
        ("[window]", "[window]\nzzz = 1", r"there is no key `window\.zzz`; the keys there are duration_ms, placement, preroll_ms$"),
        ("[window]", "[window]\nthreshold = 0.5", r"`threshold` is a key of the card itself: write it above"),
        ('name = "small"', "", r"`name` is missing; expected the model's name"),
        ('factory = "robustness.models.architectures:TutorialNet"', "", r'`network\.factory` is missing; expected "module:callable"'),
        ("1000.0", '"1000"', r"`window\.duration_ms` is '1000'; expected the window's length in ms"),
        ("1000.0", "0", r"`window\.duration_ms` is 0"),
        ("1000.0", "nan", r"`window\.duration_ms` is nan"),
        ("1000.0", "true", r"`window\.duration_ms` is True"),
        ('"center"', '"middle"', r"`window\.placement` is 'middle'"),
        ('"center"', '"offset"', r"`window\.placement` is 'offset'"),
        ('"log-probabilities"', '"scores"', r"`output` is 'scores'; expected logits, log-probabilities, probabilities or sigmoids"),
        ('unknown = "unknown"', "threshold = 1.5", r"`threshold` is 1\.5; expected a probability"),
        ('unknown = "unknown"', 'unknown = "other"', r"unknown is 'other', which is not among the labels"),
        ('unknown = "unknown"', 'silence = "hush"', r"silence is 'hush', which is not among the labels"),
        ('unknown = "unknown"', 'unknown = "up"\nsilence = "up"', r"unknown and silence are both 'up'"),
        ('"yes", "no"', '"yes", "yes"', r"labels holds yes more than once"),
        ('"yes", "no"', '"yes", 1', r"`labels\[1\]` is 1; expected the classes"),
        ('"yes", "no"', '"yes", ""', r"`labels\[1\]` is ''"),
        ("rate_hz = 16000", "rate_hz = 0", r"`frontend\.rate_hz` is 0; expected the sampling rate in Hz"),
        ("n_mels = 64", "n_mels = 64.5", r"`frontend\.n_mels` is 64\.5; expected a whole number"),
        ("top_db = 80.0", 'top_db = "80"', r"`frontend\.top_db` is '80'; expected a number"),
        ('"log-mel"', '"log-mell"', r"frontend\.kind: there is no front-end 'log-mell'; did you mean log-mel\?"),
        ("n_mels = 64", "n_mels = 0", r"frontend: n_mels is 0; expected 1 or more"),
        ("hop_samples = 160", "hop_samples = 0", r"frontend: hop_samples is 0; expected 1 or more"),
        ("n_mels = 64", "n_mels = 40", r"the network does not take features of the shape \[1 1 40 101\]"),
        ("1000.0", "500.0", r"the network does not take features of the shape \[1 1 64 51\]"),
        ("labels = [", "labels = [[", r"is no valid TOML: .*line \d+"),
        ('name = "small"', "name: small", r"is no valid TOML: .*line \d+"),
        ("architectures:TutorialNet", "architectures", r"`network\.factory` is 'robustness\.models\.architectures'"),
        ("architectures:", "absent:", r"names the module robustness\.models\.absent, which is neither beside the card nor installed"),
        ("robustness.models.architectures:", "absent_altogether:", r"names the module absent_altogether, which is neither"),
        ("TutorialNet", "TutorialNt", r"has no callable TutorialNt; did you mean TutorialNet\?"),
        ("{ labels = 11 }", "{ label = 11 }", r"TutorialNet\(label = 11\) fails with TypeError: .*'label'; correct network\.arguments"),
        ("{ labels = 11 }", "{ labels = 12 }", r"do not fit the network: fc2\.weight is \[11 128\] and \[12 128\] in the network"),
        ('"yes", "no"', '"yes"', r"the network gives \[1, 11\] for 1 clips; expected \[clips labels\] = \[1, 10\]"),
        ('"log-probabilities"', '"probabilities"', r'output = "probabilities", and .* they look like log-probabilities'),
    ],
)
def test_a_mistake_in_a_card_is_named(card: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(CardError, match=words) as refused:
        load_classifier(changed(card, (old, new)))
    assert str(card) in str(refused.value)


def test_several_mistakes_are_named_together(card: Path) -> None:
    changed(card, ("hop_samples", "hop"), ("n_mels", "mels"), ("top_db = 80.0", "top_db = true"))
    with pytest.raises(CardError, match=r"`frontend\.hop`.*`frontend\.mels`.*`n_mels`") as refused:
        load_classifier(card)
    assert "`frontend.top_db` is True" in str(refused.value)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "cannot be opened: No such file"),
        (lambda path: path.mkdir(), "cannot be opened: it is a folder"),
        (lambda path: path.write_bytes(b"PK\x03\x04\xff\xfe"), "no text in UTF-8; give the path of a model card"),
    ],
)
def test_what_is_no_card_is_refused(tmp_path: Path, make: Callable[[Path], object], words: str) -> None:
    make(tmp_path / "other.toml")
    with pytest.raises(CardError, match=rf"other\.toml.*{words}"):
        read_card(tmp_path / "other.toml")


def state(**changes: Any) -> dict[str, Any]:
    """The small network's state with some tensors replaced or left out."""
    whole = dict(module_of(classifier(0).network).state_dict())
    return {k.replace("__", "."): v for k, v in {**whole, **{k.replace("__", "."): v for k, v in changes.items()}}.items() if v is not None}


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (module_of(classifier(0).network), "a pickled module or other objects, which would run code.*torch.save\\(model.state_dict\\(\\)"),
        ({"state_dict": {}, "epoch": 3}, "a table with state_dict, epoch, and not a state_dict"),
        ({}, "not a state_dict"),
        (torch.zeros(3), "holds a Tensor, and not a state_dict"),
        (state(fc2__weight=None), r"lacking fc2\.weight"),
        (state(extra=torch.zeros(1)), "unknown extra"),
        (state(fc1__bias=torch.zeros(7)), r"fc1\.bias is \[7\] and \[128\] in the network"),
        ({f"module.{k}": v for k, v in state().items()}, r"saved from a DataParallel"),
        (state(fc1__bias=torch.full((128,), torch.nan)), r"fc1\.bias holds NaN"),
        ({"epoch": 3, "state_dict": state()}, r'not a state_dict.*write key = "state_dict" under \[weights\]'),
        ({"model": state(), "optimizer": {"lr": 1.0}}, r'write key = "model" under \[weights\]'),
        ({f"module.{k}": v for k, v in state().items()}, r'DataParallel: write prefix = "module\."'),
        ({f"_orig_mod.{k}": v for k, v in state().items()}, r'torch\.compile made: write prefix = "_orig_mod\."'),
        (state(fc1__bias=torch.zeros(1).expand(10**10)), r"fc1\.bias claims 40,000,000,000 bytes and the file holds 4 of it"),
        (state(fc1__bias=torch.zeros(128, device="meta")), r"fc1\.bias has no numbers \(it is on torch's meta device\)"),
        (state(fc1__bias=torch.eye(4).to_sparse()), r"fc1\.bias has the layout torch\.sparse_coo"),
        (state(fc1__weight=None, fc1___packed_params__dtype=torch.qint8), r"of a quantized network: give the float weights"),
    ],
)
def test_weights_that_do_not_fit_are_refused(card: Path, held: object, words: str) -> None:
    with pytest.raises(CardError, match=words):
        load_classifier(with_weights(card, lambda path: torch.save(held, path)))


@pytest.mark.parametrize(
    ("written", "held"),
    [('key = "state_dict"', {"state_dict": 0}), ('prefix = "module."', {}), ('key = "ema"\nprefix = "net."', {"ema": 0})],
)
def test_a_checkpoint_is_read_where_the_card_says_what_is_in_it(card: Path, written: str, held: dict[str, object]) -> None:
    prefix = written.partition('prefix = "')[2].rstrip('"')
    weights = {f"{prefix}{name}": value for name, value in state().items()}
    wanted = module_of(load_classifier(card).network).state_dict()
    with_weights(card, lambda path: torch.save({**dict.fromkeys(held, weights), "epoch": 3} if held else weights, path))
    card.write_text(card.read_text(encoding="utf-8").replace("[weights]", f"[weights]\n{written}"), encoding="utf-8")
    found = module_of(load_classifier(card).network).state_dict()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)


@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning")
def test_a_program_is_no_file_of_weights(card: Path) -> None:
    scripted = torch.jit.trace(module_of(classifier(0).network).eval(), torch.zeros(1, 1, 64, 101))
    with pytest.raises(CardError, match="is a TorchScript program, which is code"):
        load_classifier(with_weights(card, lambda path: scripted.save(str(path))))


@pytest.mark.parametrize("data", [b"", b"weights", b"PK\x03\x04 and no more", b"\x80\x02}q\x00."])
def test_a_file_that_holds_no_weights_is_refused(card: Path, data: bytes) -> None:
    with pytest.raises(CardError, match=r"small\.pt (is no weights file|holds).*state_dict"):
        load_classifier(with_weights(card, lambda path: path.write_bytes(data)))


def test_a_pickle_in_the_weights_is_not_run(card: Path, tmp_path: Path) -> None:
    class Mark:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "ran",))  # type: ignore[return-value]

    with pytest.raises(CardError, match="state_dict"):
        load_classifier(with_weights(card, lambda path: torch.save(Mark(), path)))
    assert not (tmp_path / "ran").exists()


def test_other_weights_than_the_cards_are_refused(card: Path) -> None:
    weights = card.parent / "small.pt"
    weights.write_bytes(weights.read_bytes() + b"x")
    found = hashlib.sha256(weights.read_bytes()).hexdigest()
    with pytest.raises(CardError, match=rf"small\.pt has the SHA-256 {found} and weights\.sha256 says [0-9a-f]{{64}}"):
        load_classifier(card)


def test_a_network_beside_the_card_is_found_and_two_of_one_name_are_not_mixed_up(tmp_path: Path) -> None:
    first = load_classifier(with_own_net(tmp_path / "one"))
    second = load_classifier(with_own_net(tmp_path / "two", code=MINE.replace("+ self.bias", "+ 1000")))
    again = load_classifier(tmp_path / "one" / "small.toml")
    samples = torch.zeros(1, RATE_HZ)
    assert torch.allclose(second.logits(samples), first.logits(samples) + 1000)
    assert torch.equal(again.logits(samples), first.logits(samples))


@pytest.mark.parametrize(
    ("arguments", "factory", "words"),
    [
        ('{ shape = "flat" }', "mine:Net", r"the network gives \[11\] for 1 clips"),
        ('{ shape = "pair" }', "mine:Net", "the network gives a tuple; expected one tensor"),
        ('{ shape = "nan" }', "mine:Net", "NaN or infinite outputs for a window of zeros"),
        ('{ shape = "silence" }', "mine:Net", "NaN or infinite outputs for a window of zeros"),
        ("{}", "mine:fails", r"mine:fails\(\) fails with ValueError: a reason of its own"),
        ("{}", "mine:number", "mine:number gives a int; expected a torch.nn.Module"),
        ("{}", "mine:constant", "mine has no callable constant"),
    ],
)
def test_a_network_of_ones_own_that_misbehaves_is_refused(tmp_path: Path, arguments: str, factory: str, words: str) -> None:
    with pytest.raises(CardError, match=words):
        load_classifier(with_own_net(tmp_path, arguments, factory))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import absent_library", "importing mine fails: it needs absent_library; install that"),
        ("1 / 0", "importing mine fails with ZeroDivisionError"),
        ("def (", "importing mine fails with SyntaxError"),
    ],
)
def test_code_that_cannot_be_imported_is_refused(tmp_path: Path, code: str, words: str) -> None:
    with pytest.raises(CardError, match=words):
        load_classifier(with_own_net(tmp_path, code=code))


@pytest.mark.parametrize("device", ["sideways", "cuda:99", ""])
def test_a_device_that_is_not_there_is_refused(card: Path, device: str) -> None:
    with pytest.raises(UsageError, match=rf"--device {device}: this machine has no such device"):
        load_classifier(card, device=device)


LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.1, 0.2, 7.0]])


@pytest.mark.parametrize(
    ("outputs", "kind", "words"),
    [
        (LOGITS, "logits", None),
        (LOGITS, "log-probabilities", "look like logits"),
        (LOGITS, "probabilities", "look like logits"),
        (LOGITS.log_softmax(1), "logits", None),  # the same probabilities either way
        (LOGITS.log_softmax(1), "log-probabilities", None),
        (LOGITS.log_softmax(1), "probabilities", "look like log-probabilities"),
        (LOGITS.softmax(1), "logits", "look like probabilities"),
        (LOGITS.softmax(1), "log-probabilities", "look like probabilities"),
        (LOGITS.softmax(1), "probabilities", None),
    ],
)
def test_an_output_kind_that_contradicts_is_seen(outputs: torch.Tensor, kind: str, words: str | None) -> None:
    found = output_contradiction(outputs, kind)  # type: ignore[arg-type]
    assert (found is None) if words is None else (found is not None and words in found)


def with_golden(card: Path, samples: np.ndarray, off: float = 0.0) -> Card:
    """A card with a golden vector computed by the small network itself, one logit of it off."""
    soundfile.write(card.parent / "golden.wav", samples, RATE_HZ, subtype="FLOAT")
    padding = RATE_HZ - len(samples)
    window = torch.nn.functional.pad(torch.from_numpy(samples), (padding // 2, padding - padding // 2))
    logits = classifier(0).logits(window[None])[0].tolist()
    logits[3] += off
    with card.open("a", encoding="utf-8") as file:
        file.write(f'[golden]\nsamples = "golden.wav"\nlogits = {logits}\ntolerance = 1e-3\n')
    return read_card(card)


@pytest.mark.parametrize(("off", "agrees"), [(0.0, True), (0.0009, True), (0.0011, False), (-0.5, False)])
@pytest.mark.parametrize("length", [RATE_HZ, 7_001])
def test_golden_logits_show_a_difference(card: Path, length: int, off: float, *, agrees: bool) -> None:
    said = with_golden(card, recording("a", 1000).samples[:length].numpy(), off)
    assert said.golden
    result = golden_result(load_classifier(card), said.golden, card)
    assert result is not None
    assert result.agrees == agrees
    assert result.largest_gap == pytest.approx(abs(off), abs=1e-4)
    assert off < 1e-3 or result.label == LABELS[3]


def test_golden_logits_show_another_front_end(card: Path) -> None:
    with_golden(card, recording("a", 1000).samples.numpy())
    said = read_card(changed(card, ("top_db = 80.0", "top_db = 40.0")))
    assert said.golden
    found = golden_result(load_classifier(card), said.golden, card)
    assert found is not None
    assert not found.agrees


def test_golden_samples_that_cannot_be_read_are_refused(card: Path) -> None:
    said = with_golden(card, recording("a", 1000).samples.numpy())
    assert said.golden
    made = load_classifier(card)
    soundfile.write(card.parent / "golden.wav", np.random.default_rng(0).normal(size=RATE_HZ + 1) * 0.1, RATE_HZ)
    with pytest.raises(CardError, match=r"golden\.samples holds 16001 samples and the window 16000"):
        golden_result(made, said.golden, card)
    (card.parent / "golden.wav").unlink()
    with pytest.raises(RobustnessError, match=r"small\.toml: golden\.samples: .*golden\.wav cannot be opened"):
        golden_result(made, said.golden, card)


def test_a_golden_vector_has_a_logit_a_label(card: Path) -> None:
    with card.open("a", encoding="utf-8") as file:
        file.write('[golden]\nsamples = "golden.wav"\nlogits = [1.0, 2.0]\n')
    with pytest.raises(CardError, match=r"golden\.logits holds 2 numbers and there are 11 labels"):
        read_card(card)


def test_a_network_need_not_be_ours(tmp_path: Path) -> None:
    loaded = load_classifier(with_own_net(tmp_path))
    assert isinstance(module_of(loaded.network), nn.Module)
    assert loaded.logits(torch.zeros(2, RATE_HZ)).shape == (2, 11)
