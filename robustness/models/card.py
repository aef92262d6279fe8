"""What does a model card say: labels, weights, network, front-end and window, each key checked.

A card is a TOML file beside its weights. `network.factory` names a callable, and loading a card imports and runs it: a card is a program,
and is to be trusted like one. The weights are data only: a state_dict, read with `weights_only=True` and known by their SHA-256.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from torch import Tensor

from robustness.audio.placement import Frame
from robustness.errors import CardError, UsageError
from robustness.files import UnreadableError, text_of
from robustness.frontends.base import Frontend
from robustness.models.card_messages import card_sentence
from robustness.models.checkpoints import Source
from robustness.models.classifier import Classifier, Output, ThresholdSetting
from robustness.models.formats.base import Network, Sought, format_of, runs_as_it_is
from robustness.models.frontend_settings import frontend_from
from robustness.models.network import torch_device
from robustness.models.probing import probe
from robustness.models.streaming_settings import Streaming
from robustness.models.thresholds import read_threshold, threshold_mistakes

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Text = Annotated[str, Field(min_length=1)]
Name = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[\w.+-]+$")]
FACTORY: Final = r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"
LOWEST_RATE_HZ: Final = 1_000
PRESET_RATE_HZ: Final = 16_000  # of every preset
HIGHEST_RATE_HZ: Final = 768_000  # the fastest converters
LONGEST_WINDOW_MS: Final = 60_000.0  # a command is a second or two
MOST_LABELS: Final = 4_096
MOST_NUMBERS: Final = 2**24  # of one window cut into frames: 64 MB
RateHz = Annotated[int, Field(strict=True, ge=LOWEST_RATE_HZ, le=HIGHEST_RATE_HZ)]
Labels = Annotated[tuple[Text, ...], Field(min_length=1, max_length=MOST_LABELS)]
PLAIN: Final = "float32"
AS_IT_SHIPS: Final = "as-it-ships"  # the variant of a card with one deployed file or a program
DEPLOYED: Final = (".tflite", ".onnx", ".pt2")
GOLDEN_TOLERANCE: Final = 1e-3  # logits of one network on two machines differ by less; of another front-end by more


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Weights(_Section):
    """A state_dict, or a file that is run as it is: which one, how it is known, and where to get it."""

    file: Text = Field(description="the weights' file, a state_dict or a deployed model (.tflite, .onnx, .pt2), relative to the card")
    sha256: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")] = Field(description="the SHA-256 of the weights, 64 hex digits")
    source: str | None = Field(default=None, description="what to do where the file is not there, such as a command that gets it")
    key: Text | None = Field(default=None, description="the entry of a checkpoint that is the state_dict, such as state_dict")
    prefix: str = Field(default="", description="what every name in the file begins with, such as module.; it is taken off")
    kernels: Literal["reference", "builtin", "xnnpack"] | None = Field(
        default=None, description="reference, builtin or xnnpack: what computes a .tflite; by default reference for int8 files"
    )

    def at(self, card: Path, weights: Path | None = None) -> Source:
        """Where they are, for a card at this path; `weights` is a copy at another place."""
        return Source(card, self.file if weights is None else weights, self.sha256, self.source, self.key, self.prefix)


class NetworkSection(_Section):
    """What the network is: a factory that builds what the weights fill, or a function that answers."""

    factory: Annotated[str, Field(pattern=FACTORY)] | None = Field(
        default=None, description='"module:callable", what builds the network; a module beside the card is found'
    )
    arguments: dict[str, Any] = Field(default_factory=dict, description="a table of the factory's keyword arguments")
    callable: Annotated[str, Field(pattern=FACTORY)] | None = Field(
        default=None, description='"module:function", from features [clips …] to scores [clips labels]; it has no weights'
    )
    copies: Annotated[bool, Field(strict=True)] | None = Field(
        default=None, description="true or false: whether several threads may call `callable` at once"
    )
    batch: Annotated[int, Field(strict=True, gt=0)] | None = Field(
        default=None, description="a whole number: the most clips that `callable` takes at once"
    )

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if self.factory is None and self.callable is None:
            raise ValueError(
                '`network.factory` is missing; expected "module:callable", what builds the network, or `callable`, a function that answers'
            )
        if self.factory is not None and self.callable is not None:
            raise ValueError("network has both `factory` and `callable`; give one: what builds a network, or a function that answers")
        others = {"arguments"} if self.callable else {"copies", "batch"}
        wrong = sorted(others & self.model_fields_set)
        if wrong:
            raise ValueError(f"network.{wrong[0]} does not go with `{'callable' if self.callable else 'factory'}`; leave it out")
        return self


class ModelSection(_Section):
    """A program that answers, such as firmware built for a PC."""

    command: Text = Field(description="the program and its arguments, as on a command line, run in the card's folder")
    timeout_s: Annotated[Number, Field(gt=0)] = Field(default=10.0, description="how long it may take for one window, in seconds")


class FrontendSettings(BaseModel):
    """Which front-end, and its settings, which the front-end checks itself."""

    model_config = ConfigDict(extra="allow", frozen=True)

    kind: Text | None = Field(default=None, description="the name of a front-end, such as log-mel")
    preset: Text | None = Field(default=None, description="the name of a front-end of the field, such as mlperf-tiny-kws")
    factory: Annotated[str, Field(pattern=FACTORY)] | None = Field(
        default=None, description='"module:callable", what makes a front-end of your own; a module beside the card is found'
    )
    arguments: dict[str, Any] | None = Field(default=None, description="a table of that callable's keyword arguments")
    rate_hz: RateHz = Field(description="the sampling rate in Hz that the model hears; with a preset 16000, if it is left out")

    @model_validator(mode="before")
    @classmethod
    def _has_the_rate_of_its_preset(cls, given: Any) -> Any:
        has_none = isinstance(given, dict) and "preset" in given and "rate_hz" not in given
        return {**given, "rate_hz": PRESET_RATE_HZ} if has_none else given

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        if self.kind is None and self.preset is None and self.factory is None:
            raise ValueError('frontend says not which one it is; give `kind`, `preset`, or `factory = "module:callable"`')
        if self.factory is not None and (self.kind is not None or self.preset is not None):
            raise ValueError("frontend.factory makes the whole front-end; leave `kind` and `preset` out")
        return self

    @property
    def settings(self) -> dict[str, Any]:
        """The keys that were given."""
        return self.model_dump(exclude_unset=True)


class Window(_Section):
    """How long the model hears, and where it expects the word."""

    duration_ms: Annotated[Number, Field(gt=0, le=LONGEST_WINDOW_MS)] = Field(description="the window's length in ms")
    placement: Literal["start", "center", "end"] = Field(default="center", description="where a recording lies in the window")
    preroll_ms: Annotated[Number, Field(ge=0)] = Field(
        default=0.0, description="of a network with a state, how much of the window's start only warms it up"
    )

    @model_validator(mode="after")
    def _has_more_than_a_preroll(self) -> Self:
        if self.preroll_ms >= self.duration_ms:
            raise ValueError(f"window.preroll_ms is {self.preroll_ms:g}, and the window has {self.duration_ms:g} ms; leave room for a word")
        return self


class CardVariant(_Section):
    """Of a card whose weights are those of a quantized network: how it came about, and what makes a network for them."""

    scheme: Text = Field(description="the variant that the weights are of, such as static-int8")
    rebuild: Annotated[str, Field(pattern=FACTORY)] = Field(
        description='"module:callable", what makes of the float network, its first argument, the one that the weights fill'
    )
    arguments: dict[str, Any] = Field(default_factory=dict, description="a table of that callable's keyword arguments")
    about: dict[str, Any] = Field(default_factory=dict, description="a table of what is known of it: engine, cpu, calibration")


class Golden(_Section):
    """Samples whose features or logits are known: a front-end that differs shows here."""

    samples: Text = Field(description="an audio file, or a .npy of samples, relative to the card")
    features: Text | None = Field(default=None, description="a .npy of the features of that file, as the training program computed them")
    logits: tuple[Number, ...] | None = Field(
        default=None, description="the logits of that file, one a label, as the training program computed them"
    )
    label: str | None = Field(default=None, description="the label that the file is answered with")
    tolerance: Annotated[Number, Field(gt=0)] = Field(default=GOLDEN_TOLERANCE, description="how far a logit may be off")
    features_tolerance: Annotated[Number, Field(gt=0)] = Field(
        default=GOLDEN_TOLERANCE, description="how far a feature may be off, as a share of the features' range"
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.features is None and self.logits is None and self.label is None:
            raise ValueError("golden has samples alone; give what the training program computes for them: `features`, `logits` or `label`")
        return self


class Card(_Section):
    """A model card; `about` is free, everything else is checked, and no other key is taken."""

    name: Text = Field(description="the model's name")
    labels: Labels = Field(description="the classes in the order of the outputs, two or more; one is enough for sigmoids")
    unknown: str | None = Field(default=None, description="the label of words outside the vocabulary")
    silence: str | None = Field(default=None, description="the label of windows without a word")
    output: Output = Field(description="logits, log-probabilities, probabilities or sigmoids: what the network gives")
    threshold: Annotated[ThresholdSetting, BeforeValidator(read_threshold)] | None = Field(
        default=None, description="a probability, the operating point; or a section with one a label, such as [threshold] yes = 0.8"
    )
    weights: Weights | None = Field(default=None, description="a section with file and sha256")
    variants: dict[Name, Weights] = Field(
        default_factory=dict, description="a section a deployed file, [variants.NAME], with file and sha256"
    )
    model: ModelSection | None = Field(default=None, description="a section with command, a program that answers")
    network: NetworkSection | None = Field(default=None, description="a section with factory and arguments, or with callable")
    frontend: FrontendSettings = Field(description="a section with kind, rate_hz and the front-end's settings")
    window: Window = Field(description="a section with duration_ms and placement")
    variant: CardVariant | None = Field(default=None, description="a section with scheme and rebuild, where the weights are quantized")
    streaming: Streaming | None = Field(
        default=None, description="a section with rule, hop_ms, threshold and settings of a device's decisions"
    )
    golden: Golden | None = Field(default=None, description="a section with samples, logits and tolerance")
    about: dict[str, Any] = Field(default_factory=dict, description="a section of whatever is worth knowing")

    @model_validator(mode="after")
    def _labels_agree(self) -> Self:
        twice = sorted({label for label in self.labels if self.labels.count(label) > 1})
        if twice:
            raise ValueError(f"labels holds {', '.join(twice)} more than once; a label is one class")
        for role in ("unknown", "silence"):
            label = getattr(self, role)
            if label is not None and label not in self.labels:
                raise ValueError(f"{role} is {label!r}, which is not among the labels ({', '.join(self.labels)})")
        if self.unknown is not None and self.unknown == self.silence:
            raise ValueError(f"unknown and silence are both {self.unknown!r}; give `unknown` alone where one class is for both")
        wrong = [*threshold_mistakes(self.labels, (self.unknown, self.silence), self.output, self.threshold)]
        if wrong:
            raise ValueError(wrong[0])
        wrong = [*section_mistakes(self)]
        if wrong:
            raise ValueError(wrong[0])
        if self.golden and self.golden.label is not None and self.golden.label not in self.labels:
            raise ValueError(f"golden.label is {self.golden.label!r}, which is not among the labels ({', '.join(self.labels)})")
        if self.golden and self.golden.logits is not None and len(self.golden.logits) != len(self.labels):
            raise ValueError(f"golden.logits holds {len(self.golden.logits)} numbers and there are {len(self.labels)} labels")
        return self

    def of(self, variant: str, path: Path) -> Card:
        """This card for one of its deployed files alone.

        Raises:
            CardError: it has none of that name.
        """
        if variant not in self.variants:
            raise CardError(f"{path}: there is no variant {variant!r}; [variants] has {', '.join(self.variants) or 'none'}")
        return self.model_copy(update={"weights": self.variants[variant], "variants": {}})

    @property
    def frame(self) -> Frame:
        """The window in samples."""
        samples = max(1, round(self.window.duration_ms * self.frontend.rate_hz / 1000))
        return Frame(samples, self.frontend.rate_hz, self.window.placement)


def section_mistakes(said: Card) -> Iterator[str]:
    """Why the sections of a card that say what the network is do not go together; nothing if they do."""
    sections = {name: getattr(said, name) for name in ("weights", "variants", "model", "network", "variant")}
    given = [name for name, section in sections.items() if section]
    alone = next((name for name in ("variants", "model") if name in given), None)
    if alone is not None:
        others = [name for name in given if name != alone]
        if others:
            yield f"[{alone}] says all of the network; leave [{others[0]}] out"
        wrong = [name for name, one in said.variants.items() if not runs_as_it_is(one.file)]
        if wrong:
            yield f"variants.{wrong[0]}.file is {said.variants[wrong[0]].file!r}; expected a file that ships: {', '.join(DEPLOYED)}"
    elif said.weights is not None and runs_as_it_is(said.weights.file):
        others = [name for name in given if name != "weights"]
        if others:
            yield f"{said.weights.file} is run as it is, without code; leave [{others[0]}] out"
    elif said.network is None:
        yield "`network` is missing; expected a section with factory and arguments, or with callable"
    elif said.network.factory and said.weights is None:
        yield "`weights` is missing; expected a section with file and sha256"
    elif said.network.callable and (said.weights or said.variant):
        yield f"network.callable has no weights of its own; leave [{'weights' if said.weights else 'variant'}] out"


def digest_of(path: Path, said: Card) -> str | None:
    """The SHA-256 by which a card's network is known; of a card with `[variants]` that of all their digests."""
    if not said.variants:
        return format_of(path, said).digest(path, said)
    return hashlib.sha256("".join(one.sha256.lower() for one in said.variants.values()).encode()).hexdigest()


def load_classifiers(card: Path, *, weights: Path | None = None, device: str = "cpu") -> list[Classifier]:
    """Every classifier of a card: one, or one a file of its `[variants]`.

    Args:
        card: as for `load_classifier`.
        weights: as for `load_classifier`; a card with several files takes none.
        device: as for `load_classifier`.

    Raises:
        CardError: as `load_classifier` does.
        UsageError: `weights` is given for a card with several files, or the device is not there.
    """
    names: list[str | None] = [*read_card(card).variants] or [None]
    if weights is not None and len(names) > 1:
        raise UsageError(f"{card}: --weights {weights} is given, and the card has {len(names)} files; put them where the card says")
    return [load_classifier(card, weights=weights, device=device, variant=name) for name in names]


def read_card(path: Path) -> Card:
    """Reads and checks a card.

    Raises:
        CardError: the file cannot be read, is no TOML, or a key is wrong; the sentence names file and key.
    """
    try:
        content = tomllib.loads(text_of(path))
    except UnreadableError as error:
        raise CardError(
            f"the card {path} cannot be opened: {error}; give the path of a model card (a .toml file), not the weights"
        ) from error
    except RecursionError as error:
        raise CardError(f"{path} is nested too deeply; a card has sections of single keys") from error
    except tomllib.TOMLDecodeError as error:
        raise CardError(f"{path} is no valid TOML: {error}") from error
    try:
        return Card.model_validate(content)
    except ValidationError as error:
        raise CardError(f"{path}: {card_sentence(error, Card)}") from error


def load_classifier(card: Path, *, weights: Path | None = None, device: str = "cpu", variant: str | None = None) -> Classifier:
    """Loads the classifier of a card, in float or as the variant that its weights are of. This runs the code that the card names.

    Args:
        card: the card's path; modules in its folder can be named as its factory.
        weights: the weights, where they are not where the card says; they are checked against the card's SHA-256 all the same.
        device: where the network runs, such as `cpu` or `cuda`.
        variant: which of a card's `[variants]`; by default the first.

    Raises:
        CardError: the card is wrong, the weights are missing, changed, no state_dict or do not fit, or the network does not take the
            front-end's features or gives something else than the card says.
        UsageError: the device is not there.
    """
    whole = read_card(card)
    name = variant if variant is not None else next(iter(whole.variants), None)
    said = whole if name is None else whole.of(name, card)
    deployed = said.model is not None or (said.weights is not None and runs_as_it_is(said.weights.file))
    where = torch_device(device if said.variant is None and not deployed else "cpu")
    frontend = frontend_from(said.frontend.settings, card)
    _refuse_large(frontend, said.frame, card)
    network = format_of(card, said).load(Sought(card, said, frontend, weights, where))
    _refuse_steps(said, network, card)
    scheme = PLAIN if said.variant is None else said.variant.scheme
    classifier = Classifier(
        name=said.name,
        variant=name or (AS_IT_SHIPS if deployed else scheme),
        labels=said.labels,
        frontend=frontend,
        network=network,
        output=said.output,
        frame=replace(said.frame, memory=frontend.memory or network.can.step_frames is not None),
        unknown=said.unknown,
        silence=said.silence,
        threshold=said.threshold,
        probability_step=network.step,
        device=where,
        about={**network.facts, **({} if said.variant is None else said.variant.about)},
        deployed=deployed,
    )
    return replace(classifier, network=network.tried(_probed(classifier, card, len(whole.variants) > 1)))


def _probed(classifier: Classifier, card: Path, several: bool) -> Tensor:
    """As `probe`; of a card with several files the sentence names the variant."""
    try:
        return probe(classifier, card)
    except CardError as error:
        named = f"{card}: variants.{classifier.variant}: " if several else f"{card}: "
        raise CardError(str(error).replace(f"{card}: ", named, 1)) from error


def _refuse_steps(said: Card, network: Network, card: Path) -> None:
    """Raises CardError if a pre-roll is spoken of and the network takes a window at once."""
    if said.window.preroll_ms and network.can.step_frames is None:
        raise CardError(f"{card}: window.preroll_ms is for a network that keeps a state, and this one takes a window at once; leave it out")


def _refuse_large(frontend: Frontend, frame: Frame, card: Path) -> None:
    """Raises CardError if a window cut into frames takes more memory than a command's could."""
    frames = frame.samples // frontend.hop_samples
    if frames * frontend.frame_samples > MOST_NUMBERS:
        raise CardError(
            f"{card}: a window of {frame.samples} samples has {frames} frames of {frontend.frame_samples}, and at most {MOST_NUMBERS:,} "
            "numbers are computed; a longer hop_samples, a smaller n_fft or a shorter window.duration_ms makes it fewer"
        )
