"""A variant kept as weights and a card: the same answers in another process, read safely, and refused where it cannot be trusted."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from robustness.errors import CardError, OutputError, UsageError
from robustness.jobs.assess import prepare
from robustness.jobs.request import Request
from robustness.models.card import load_classifier, read_card
from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import module_of
from robustness.quantization.base import quantized
from robustness.quantization.saving import save_variant
from robustness.quantization.variants import as_given, is_quantized, variants
from robustness.seeds import generator_of
from robustness.sweep.plan import Settings
from tests.builders import calibration
from tests.cards import write_card, write_recordings

SCHEMES = ("static-int8", "qat-int8", "dynamic-int8", "dynamic-float16")
NETWORK = """
from torch import nn

from layers import tail


class Net(nn.Module):
    def __init__(self, labels):
        super().__init__()
        self.conv = nn.Conv2d(1, 6, (64, 5), stride=(1, 4))
        self.gru = nn.GRU(6, 8, batch_first=True)
        self.tail = tail(8, labels)

    def forward(self, features):
        outputs, _ = self.gru(self.conv(features).squeeze(2).transpose(1, 2))
        return self.tail(outputs[:, -1])
"""
LAYERS = """
from torch import nn


def tail(width, labels):
    return nn.Linear(width, labels)
"""
FRESH = """
import json, sys
import torch
from pathlib import Path
from robustness.models.card import load_classifier
from robustness.quantization.variants import as_given
from robustness.seeds import generator_of
from robustness.models.formats.torch_module import module_of
samples = torch.randn(7, 16000, generator=generator_of("fresh")) * 0.1
print(json.dumps([as_given(load_classifier(Path(card))).logits(samples).tolist() for card in sys.argv[1:]]))
"""


def save(card: Path, scheme: str, out: Path) -> Classifier:
    original = load_classifier(card)
    variant = quantized(original, scheme, calibration())
    save_variant(variant, card, read_card(card), out)
    return variant


def own_network(folder: Path) -> Path:
    """A card whose network's code lies beside it, in two files."""
    card = write_card(folder)
    (folder / "own_network.py").write_text(NETWORK, encoding="utf-8")
    (folder / "layers.py").write_text(LAYERS, encoding="utf-8")
    for name in ("own_network", "layers"):  # of another test's folder
        sys.modules.pop(name, None)
    sys.path.insert(0, str(folder))
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            net = __import__("own_network").Net(11)
    finally:
        sys.path.remove(str(folder))
    torch.save(net.state_dict(), folder / "small.pt")
    text = card.read_text(encoding="utf-8").replace("robustness.models.architectures:TutorialNet", "own_network:Net")
    text = text.replace('"log-probabilities"', '"logits"')
    old = tomllib.loads(text)["weights"]["sha256"]
    card.write_text(text.replace(old, hashlib.sha256((folder / "small.pt").read_bytes()).hexdigest()), encoding="utf-8")
    return card


@pytest.mark.parametrize("make", [write_card, own_network])
def test_a_fresh_process_gives_the_same_answers_bit_for_bit(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    card = make(tmp_path / "float")
    made = {scheme: save(card, scheme, tmp_path / "kept" / f"small-{scheme}") for scheme in SCHEMES}
    cards = [str(tmp_path / "kept" / f"small-{scheme}.toml") for scheme in SCHEMES]
    done = subprocess.run([sys.executable, "-c", FRESH, *cards], capture_output=True, text=True, check=False, cwd=Path.cwd())
    assert done.returncode == 0, done.stderr
    samples = torch.randn(7, 16000, generator=generator_of("fresh")) * 0.1
    for variant, found in zip(made.values(), json.loads(done.stdout), strict=True):
        assert torch.equal(torch.tensor(found), variant.logits(samples)), variant.variant


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_is_said_of_it_is_what_was_said_when_it_was_made(tmp_path: Path, scheme: str) -> None:
    made = save(write_card(tmp_path), scheme, tmp_path / "kept")
    again = as_given(load_classifier(tmp_path / "kept.toml"))
    for key in ("engine", "cpu", "type", "quantized_layers", "float_layers", "bytes", "notes"):
        assert again.about[key] == made.about[key], key
    assert again.about["quantized_share"] == pytest.approx(made.about["quantized_share"], abs=1e-3)
    assert (again.name, again.variant, again.differentiable) == ("small", scheme, False)
    assert again.surrogate is not None
    assert (tmp_path / "kept.pt").stat().st_size == pytest.approx(made.about["bytes"], rel=0.02)


def test_a_layer_left_in_float_is_so_when_loaded(tmp_path: Path) -> None:
    card = write_card(tmp_path)
    variant = quantized(load_classifier(card), "static-int8", calibration(), only=["conv1", "fc1"])
    save_variant(variant, card, read_card(card), tmp_path / "partly")
    about = as_given(load_classifier(tmp_path / "partly.toml")).about
    assert (about["quantized_layers"], about["float_layers"]) == (["conv1", "fc1"], ["conv2", "fc2"])


def test_it_stands_beside_its_float_sibling_as_a_variant_of_one_model(tmp_path: Path) -> None:
    card = write_card(tmp_path / "models")
    save(card, "static-int8", tmp_path / "models" / "small-static-int8")
    recordings = write_recordings(tmp_path / "words")
    request = Request(
        models=(tmp_path / "models" / "small-static-int8.toml", card),
        recordings=(recordings,),
        settings=Settings(perturbations=("padding-placement",)),
        variants=("float32", "static-int8"),
    )
    job = prepare(request)
    assert [(c.name, c.variant) for c in job.classifiers] == [("small", "float32"), ("small", "static-int8")]
    assert job.cards["small"]["card"] == "small.toml"


def test_a_quantized_checkpoint_of_somebody_elses_is_run_as_it_is(tmp_path: Path) -> None:
    """Saved by torch's own means, its code beside its card; nothing in the card says that it is quantized."""
    from torch.ao.quantization import quantize_dynamic

    from robustness.quantization.base import torch_deprecations_filtered

    card = write_card(tmp_path)
    code = (
        "import warnings\nfrom torch import nn\nfrom torch.ao.quantization import quantize_dynamic\n"
        "from robustness.models.architectures import TutorialNet\n\n\ndef small(labels):\n"
        "    with warnings.catch_warnings():\n        warnings.simplefilter('ignore')\n"
        "        return quantize_dynamic(TutorialNet(labels).eval(), {nn.Linear})\n"
    )
    (tmp_path / "their_int8.py").write_text(code, encoding="utf-8")
    original = load_classifier(card)
    with torch_deprecations_filtered():
        torch.save(quantize_dynamic(module_of(original.network), {torch.nn.Linear}).state_dict(), tmp_path / "theirs.pt")
    text = card.read_text(encoding="utf-8").replace("robustness.models.architectures:TutorialNet", "their_int8:small")
    digest = hashlib.sha256((tmp_path / "theirs.pt").read_bytes()).hexdigest()
    text = text.replace("small.pt", "theirs.pt").replace(tomllib.loads(text)["weights"]["sha256"], digest)
    (tmp_path / "theirs.toml").write_text(text, encoding="utf-8")
    loaded = load_classifier(tmp_path / "theirs.toml")
    assert is_quantized(loaded)
    (theirs,) = variants(loaded, ["float32", "dynamic-int8"]).made
    assert theirs.variant == "int8"
    assert theirs.about["quantized_layers"] == ["fc1", "fc2"]
    samples = calibration(5).samples
    assert torch.equal(theirs.logits(samples), quantized(original, "dynamic-int8").logits(samples))


REBUILDS = 'arguments = { scheme = "static-int8"'


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('engine = "x86" }', 'engine = "hexagon" }', "no int8 engine 'hexagon'; it has .*x86"),
        (
            'arguments = { scheme = "static-int8"',
            'arguments = { scheme = "static-int9"',
            "no variant 'static-int9'; did you mean static-int8",
        ),
        (REBUILDS, 'arguments = { scheme = "float32"', "float32 has no quantized network"),
        (REBUILDS, 'arguments = { scheme = "dynamic-int8"', "the weights do not fit the network"),
        ("rebuild =", "rebuilt =", "did you mean `rebuild`"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(tmp_path: Path, old: str, new: str, words: str) -> None:
    save(write_card(tmp_path), "static-int8", tmp_path / "kept")
    card = tmp_path / "kept.toml"
    text = card.read_text(encoding="utf-8")
    assert old in text
    card.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(CardError, match=words):
        load_classifier(card)


def test_one_that_was_made_on_another_cpu_or_torch_is_said_to_be(tmp_path: Path) -> None:
    made = save(write_card(tmp_path), "static-int8", tmp_path / "kept")
    card = tmp_path / "kept.toml"
    text = card.read_text(encoding="utf-8").replace(f'cpu = "{made.about["cpu"]}"', 'cpu = "NEON"')
    card.write_text(text, encoding="utf-8")
    assert any("made with cpu NEON and ran here with cpu" in note for note in as_given(load_classifier(card)).about["notes"])


@pytest.mark.parametrize(("name", "words"), [("kept.pt", "without a suffix"), ("small", "would overwrite")])
def test_a_place_that_cannot_hold_it_is_refused(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(OutputError, match=words):
        save(write_card(tmp_path), "dynamic-int8", tmp_path / name)


def test_other_code_under_the_same_name_is_not_overwritten(tmp_path: Path) -> None:
    card = own_network(tmp_path / "float")
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "layers.py").write_text("# somebody else's\n", encoding="utf-8")
    with pytest.raises(OutputError, match=r"layers\.py is another file"):
        save(card, "dynamic-int8", kept / "small-int8")


def test_a_scheme_that_needs_recordings_is_not_made_again_of_a_card_beside_one_that_has_it(tmp_path: Path) -> None:
    card = write_card(tmp_path)
    with pytest.raises(UsageError, match="--calibration"):
        prepare(Request(models=(card,), recordings=(write_recordings(tmp_path / "words"),), variants=("static-int8",)))
