"""What does ESPHome's manifest of a micro-wake-word model say, and which card is that?

The JSON has the wake word, the model's file, the cutoff, and how many probabilities are averaged. The front-end of version 2 is the
program's own, with a step of 10 ms. Version 1 has one of 20 ms, which was TensorFlow's graph audio_preprocessor_int8.tflite, the user's
file; the number of probabilities has another name there. Other steps are for a front-end that is not here.
Source: esphome/components/micro_wake_word (2024.2 for version 1, 2024.7 for version 2).
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from robustness.errors import CardError
from robustness.files import UnreadableError, json_of
from robustness.models.card import AS_IT_SHIPS
from robustness.models.card_messages import card_sentence
from robustness.models.drafts.draft import Draft, DraftSection, Known, Missing
from robustness.models.drafts.place import Place

STEP_MS: Final = 10
FIRST_STEP_MS: Final = 20  # of version 1
FIRST_NAMES: Final = {"sliding_window_average_size": "sliding_window_size"}  # of version 1
WINDOW_MS: Final = 2000.0  # a wake word of about a second, and what is around it
PREROLL_MS: Final = 300.0  # after its first state a model's answers settle within 150 ms on silence and on noise
WordList = Annotated[str, Field(min_length=1, max_length=200)]


class Micro(BaseModel):
    """What the firmware is told."""

    model_config = ConfigDict(frozen=True)

    probability_cutoff: Annotated[float, Field(strict=True, gt=0, lt=1)] = Field(description="a probability, above which the mean is a hit")
    sliding_window_size: Annotated[int, Field(strict=True, gt=0)] = Field(description="a whole number of probabilities that are averaged")
    feature_step_size: Annotated[int, Field(strict=True, gt=0)] = Field(description=f"the front-end's step in ms, {STEP_MS}")


class WakeWordManifest(BaseModel):
    """What is read of a manifest; other keys are ESPHome's own."""

    model_config = ConfigDict(frozen=True)

    type: Literal["micro"] = Field(description='"micro", as in a manifest of ESPHome\'s micro_wake_word')
    wake_word: WordList = Field(description="the words that are answered")
    model: WordList = Field(description="the model's file, beside the manifest")
    micro: Micro = Field(description="a table with probability_cutoff, sliding_window_size and feature_step_size")
    author: str = ""
    website: str = ""
    trained_languages: tuple[str, ...] = ()


def wake_word_draft(file: Path, card: Path) -> Draft:
    """The card of a manifest.

    Raises:
        CardError: it is no such manifest, its model is not beside it, or its front-end is not here.
    """
    said = _manifest(file)
    place = Place.of(_model(file, said), card)
    label = said.wake_word.lower()
    name = f"in {file.name}"
    micro = said.micro
    averaged = Known("sliding_window", micro.sliding_window_size, f"sliding_window_size {name}")
    facts = {"manifest": file.name, "sliding_window_size": micro.sliding_window_size, "feature_step_size_ms": micro.feature_step_size}
    more = {"author": said.author, "website": said.website, "languages": list(said.trained_languages)}
    top = (
        Known("name", said.wake_word, f"wake_word {name}"),
        Known("labels", [label], "wake_word in small letters; recordings of it are labelled so"),
        Known("output", "sigmoids"),
        Known("threshold", micro.probability_cutoff, f"probability_cutoff {name}"),
    )
    window = (
        Known("duration_ms", WINDOW_MS, "the manifest has none: long enough for the words and some silence before them"),
        Known("placement", "center", "an answer comes some frames after the words"),
        Known("preroll_ms", PREROLL_MS, "the start of a window warms up the state, and no answer counts there"),
    )
    return Draft(
        (
            DraftSection("", top),
            DraftSection(f"variants.{AS_IT_SHIPS}", place.entries()),
            _frontend(micro.feature_step_size),
            DraftSection("window", window),
            DraftSection("streaming", (Known("rule", "esphome"),)),
            DraftSection("streaming.settings", (averaged,)),
            DraftSection("about", tuple(Known(key, value) for key, value in {**facts, **more}.items() if value)),
        ),
        (
            f"a window's score is its largest mean of {micro.sliding_window_size} probabilities",
            f"`robustness stream --model {card.name} TAKE` decides as the firmware does",
            "give recordings of the words, with the half second after them if there is one, beside other words",
        ),
    )


def _frontend(step_ms: int) -> DraftSection:
    """The front-end with that step."""
    if step_ms == STEP_MS:
        return DraftSection("frontend", (Known("preset", "micro-wake-word"), Known("rate_hz", 16_000)))
    asked = Missing("graph", '"audio_preprocessor_int8.tflite"', "TensorFlow's file of that name, put beside the card", needed=False)
    layout = Known("layout", "frames bands", f"the front-end of version 1, with a step of {FIRST_STEP_MS} ms")
    return DraftSection("frontend", (Known("preset", "micro-speech"), Known("rate_hz", 16_000), layout, asked))


def _manifest(file: Path) -> WakeWordManifest:
    try:
        content = json_of(file)
    except UnreadableError as error:
        raise CardError(f"{file} cannot be read: {error}; give ESPHome's manifest of a micro_wake_word model") from error
    first = isinstance(content, dict) and content.get("version") == 1
    if first and isinstance(content.get("micro"), dict):
        renamed = {FIRST_NAMES.get(key, key): value for key, value in content["micro"].items()}
        content = {**content, "micro": {"feature_step_size": FIRST_STEP_MS, **renamed}}
    try:
        said = WakeWordManifest.model_validate(content)
    except ValidationError as error:
        wrong = card_sentence(error, WakeWordManifest) if isinstance(content, dict) else f"it holds a {type(content).__name__}"
        raise CardError(f"{file} is no manifest of a micro_wake_word model: {wrong}") from error
    step, expected = said.micro.feature_step_size, FIRST_STEP_MS if first else STEP_MS
    if step != expected:
        which = "of version 1" if first else "micro-wake-word"
        raise CardError(f"{file}: feature_step_size is {step}, and the front-end {which} has a step of {expected} ms; get that model")
    return said


def _model(file: Path, said: WakeWordManifest) -> Path:
    """The model beside the manifest: by its last name, if the manifest has an address."""
    name = PurePosixPath(said.model).name
    path = file.parent / name
    if not name or not path.is_file():
        raise CardError(f"{file}: its model is {said.model!r}, and there is no {name or 'file'} beside the manifest; put it there")
    return path
