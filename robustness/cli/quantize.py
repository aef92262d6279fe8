"""`robustness quantize`: a model's variant becomes a model of its own, with weights and a card."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

import typer

from robustness.cli import options
from robustness.cli.printing import note, say
from robustness.errors import UsageError

if TYPE_CHECKING:
    from robustness.quantization.base import Quantizer

ENGINE: Final = "x86"
COUNT: Final = 300


@dataclass(frozen=True)
class SchemeOptions:
    """How the model is quantized."""

    panel: ClassVar[str] = "Quantization"
    scheme: Annotated[str, typer.Option(help="The variant, such as static-int8; `robustness list variants` has all.")]
    only: Annotated[list[str] | None, typer.Option(help="A layer to quantize, others stay in float; several times for several.")] = None
    engine: Annotated[str, typer.Option(help="Whose kernels run, of those that this CPU's torch has.")] = ENGINE
    weights: options.WeightsOption = None


@dataclass(frozen=True)
class CalibrationOptions(options.LabelOptions):
    """From which recordings ranges are learned."""

    panel: ClassVar[str] = "Calibration"
    calibration: options.CalibrationOption = None
    count: Annotated[int, typer.Option(min=1, help="How many recordings of the calibration folder, of each label alike.")] = COUNT
    seed: options.Seed = 0


def quantize(
    card: Annotated[Path, typer.Argument(help="The model card, a TOML file. Its network's code is run.")],
    *,
    how: SchemeOptions,
    learning: CalibrationOptions,
    out: Annotated[Path, typer.Option(help="The variant's path without a suffix; .pt and .toml are written.")],
) -> None:
    """Quantize a model and keep it: weights and a card that load again, in any process, to the same answers.

    Example: robustness quantize models/tutorial.toml --scheme static-int8 --calibration clips --out models/tutorial-static-int8
    """
    from robustness.models.card import load_classifier, read_card
    from robustness.quantization.base import checked_layers
    from robustness.quantization.calibration import read_calibration
    from robustness.quantization.saving import save_variant
    from robustness.quantization.variants import is_quantized
    from robustness.report.words import plural
    from robustness.run.lock import FolderLock

    original = load_classifier(card, weights=how.weights)
    if is_quantized(original):
        raise UsageError(f"{card} holds a quantized network already ({original.variant}); give the card of the float one")
    quantizer = _quantizer(how.scheme, how.engine)
    if not original.network.can.weights:
        raise UsageError(f"{card} cannot be quantized: {original.network.without('weights')}")
    learned = None
    if learning.calibration is not None and quantizer.calibrated:
        learned = read_calibration(learning.calibration, original, labels=learning.source(), count=learning.count, seed=learning.seed)
    variant = quantizer.quantize(original, learned, checked_layers(original, how.only or None))
    with FolderLock(out):
        written = save_variant(variant, card, read_card(card), out)
    about = variant.about
    say(f"{written}: {variant.name} in {how.scheme}, {about['bytes']:,} bytes, engine {about['engine']} on {about['cpu']}")
    say(f"{about['type']}: {' '.join(about['quantized_layers']) or 'none'}, {about['quantized_share']:.1%} of the parameters")
    say(f"float: {' '.join(about['float_layers']) or 'none'}")
    if learned is not None:
        say(f"ranges from {plural(len(learned.ids), 'recording')} of {learned.source}, digest {learned.sha256[:12]}")
    for line in about["notes"]:
        note(line)


def _quantizer(scheme: str, engine: str) -> Quantizer:
    """The scheme with its engine.

    Raises:
        UsageError: where there is no such scheme, it has no engine to choose, or it changes nothing.
    """
    from dataclasses import fields

    from robustness.quantization.base import QUANTIZERS

    kind = QUANTIZERS[scheme]
    if scheme == "float32":
        raise UsageError("float32 is the model as it is; give a --scheme that quantizes, such as static-int8 or dynamic-int8")
    if any(field.name == "engine" for field in fields(kind)):  # type: ignore[arg-type]
        return kind(engine=engine)  # type: ignore[call-arg]
    if engine != ENGINE:
        raise UsageError(f"{scheme} has no engine to choose; leave out --engine, which is for static-int8 and qat-int8")
    return kind()
