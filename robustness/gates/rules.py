"""What may a model not do? Rules in a TOML file, each key checked; a mistake names file, rule and key.

A rule names a metric and a bar (`min`, `max` or both); `[defaults]` holds scope, confidence and on_inconclusive for all.
`version = 2` speaks by outcome, by what the device does; a file without it is of version 1 and speaks by the winning label, as before.
Loads no torch.
"""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from robustness.conditions import Family
from robustness.errors import UsageError
from robustness.files import UnreadableError, text_of
from robustness.gates.judgement import Scope
from robustness.gates.levels import Levels

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
ShareNumber = Annotated[Number, Field(gt=0, le=1)]
Confidence = Annotated[Number, Field(ge=0.5, lt=1)]
StrictText = Annotated[str, Field(strict=True, min_length=1)]
MOST_RULES: Final = 1_000  # each takes some milliseconds; a person writes a dozen
MISTAKES_SHOWN: Final = 5
BASELINE: Final = "baseline"
PRESETS: Final = Path(__file__).with_name("presets")
Version = Literal[1, 2]
EXAMPLE: Final = '[rule.accepted] with metric = "accepted_right" and min = 0.90'


class RulesError(UsageError):
    """A rules file, or a rule in it, cannot be used."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Defaults(_Section):
    """What holds for every rule that does not say otherwise."""

    scope: Scope = "files"
    confidence: Confidence = 0.95
    on_inconclusive: Literal["fail", "warn"] = "fail"


class Rule(_Section):
    """One rule, as written.

    Attributes:
        metric: a registered name.
        variant: a variant of the model; `*` is every one, and each must pass.
        perturbation: what is done to the recordings; None is nothing, the reference placement.
        family: each perturbation of a family that is run, in place of one; each must pass.
        level: which levels of its grid; each must pass. `everyday` are those of an ordinary day.
        fill: what the padding holds; None is each that was run.
        placement: where the recordings lie, of padding-placement.
        label: only recordings with this label; `*` is each label apart.
        against: another variant, or `baseline`; paired.
        at: the share that must hold, for metrics that say how far it does.
        within_ms: how far the word may lie to both sides of the reference placement, of holds_at_every_sample.
        min: the least allowed value.
        max: the most allowed value.
        phase: of a stream's first window; None is the worst.
        take: only takes with such a name, of a stream; `*` and `?` stand for any.
        alarms_per_hour: of the hit rate of a stream: at the threshold that stays within so many false alarms.
        severity: whether breaking it fails the gate, or only warns.
        if_variant: `present` skips the rule where the run has left out a variant that it names, for that quantizes nothing of the model;
            otherwise the rule cannot be judged there.
    """

    metric: StrictText
    variant: StrictText = "*"
    perturbation: StrictText | None = None
    family: Family | None = None
    level: Number | str | list[Number] | None = None
    fill: Literal["zeros", "floor"] | None = None
    placement: Literal["start", "center", "end"] | None = None
    label: StrictText | None = None
    against: StrictText | None = None
    at: ShareNumber | None = None
    within_ms: Annotated[Number, Field(gt=0, le=1000)] | None = None
    min: Number | None = None
    max: Number | None = None
    scope: Scope | None = None
    confidence: Confidence | None = None
    on_inconclusive: Literal["fail", "warn"] | None = None
    phase: Literal["worst", "mean", "first"] | None = None
    take: StrictText | None = None
    alarms_per_hour: Annotated[Number, Field(gt=0)] | None = None
    severity: Literal["fail", "warn"] = "fail"
    if_variant: Literal["present"] | None = None

    @field_validator("level")
    @classmethod
    def _level_is_readable(cls, level: float | str | list[float] | None) -> float | str | list[float] | None:
        if level is not None:
            Levels.parse(level)
        return level

    @property
    def levels(self) -> Levels | None:
        """The levels meant; None is the whole grid."""
        return None if self.level is None else Levels.parse(self.level)


class Rules(_Section):
    """A rules file.

    Attributes:
        rule: the rules by name, each with every default filled in.
        version: 2 speaks by outcome, 1 by the winning label.
        baseline: a run to compare with, beside the rules file.
        defaults: what holds for every rule.
        source: the file.
    """

    rule: Annotated[dict[StrictText, Rule], Field(min_length=1)]
    version: Version = 1
    baseline: Path | None = None
    defaults: Defaults = Defaults()
    source: Path = Path("gates.toml")


def named_rules(path: Path) -> Path:
    """The file itself, or the rules of that name that come with this package, if there is no such file."""
    kept = PRESETS / f"{path}.toml"
    return kept if path.name == str(path) and not path.exists() and kept.is_file() else path


def read_rules(path: Path) -> Rules:
    """Reads and checks a rules file.

    Raises:
        RulesError: the file is not there, empty or not TOML, or a key is wrong; the sentence names file, rule and key.
    """
    content = _toml(path)
    if "source" in content:
        raise RulesError(f"{path}: there is no key `source`; those that exist: baseline, defaults, rule, version")
    if not content.get("rule"):
        raise RulesError(f"{path} holds no rule, and a gate without rules would pass anything; write one, such as {EXAMPLE}")
    if isinstance(content["rule"], dict) and len(content["rule"]) > MOST_RULES:
        raise RulesError(f"{path} holds {len(content['rule']):,} rules, and at most {MOST_RULES:,} are judged; leave some out")
    try:
        rules = Rules.model_validate({**content, "source": path})
    except ValidationError as error:
        found = error.errors()
        more = f"; and {len(found) - MISTAKES_SHOWN} more mistakes" if len(found) > MISTAKES_SHOWN else ""
        raise RulesError("; ".join(_sentence(path, one) for one in found[:MISTAKES_SHOWN]) + more) from error
    baseline = None if rules.baseline is None else path.parent / rules.baseline
    return rules.model_copy(update={"rule": {n: _filled(r, rules.defaults) for n, r in rules.rule.items()}, "baseline": baseline})


def _toml(path: Path) -> dict[str, Any]:
    try:
        text = text_of(path)
    except UnreadableError as error:
        raise RulesError(f"the rules file {path} cannot be read: {error}; give the path of a TOML file of rules") from error
    if not text.strip():
        raise RulesError(f"the rules file {path} is empty, and a gate without rules would pass anything; write one, such as {EXAMPLE}")
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise RulesError(f"the rules file {path} is nested too deeply; a rule is a section, such as {EXAMPLE}") from error
    except tomllib.TOMLDecodeError as error:
        raise RulesError(f"the rules file {path} is not TOML: {error}; a rule is a section, such as {EXAMPLE}") from error


def _filled(rule: Rule, defaults: Defaults) -> Rule:
    """The rule with the defaults where it says nothing."""
    return rule.model_copy(update={name: value for name, value in defaults if getattr(rule, name) is None})


def _sentence(path: Path, error: Any) -> str:
    """One mistake in words: file, rule, key, what was given, what is expected."""
    place = [str(part) for part in error["loc"]]
    where, key = (f"rule {place[1]}", place[2:]) if place[0] == "rule" and len(place) > 1 else ("", place)
    if where and not key:
        return f"{path}: {where} is no section; write it as [rule.{place[1]}] with a metric and a bar"
    named = f"{path}: {where + ': ' if where else ''}key `{key[0] if where else '.'.join(key)}`"
    if error["type"] == "extra_forbidden":
        model: type[BaseModel] = Rule if where else Defaults if place[0] == "defaults" else Rules
        return f"{named} does not exist; {_nearby(key[-1], model)}"
    if error["type"] == "missing":
        return f"{named} is missing; give one"
    message = str(error["msg"]).removeprefix("Value error, ")
    given = "" if error["type"] == "value_error" else f" is {error['input']!r}"
    return f"{named}{given}: {message[:1].lower()}{message[1:]}"


def _nearby(key: str, model: type[BaseModel]) -> str:
    names = [name for name in model.model_fields if name != "source"]
    near = difflib.get_close_matches(key, names, n=1)
    return f"{f'did you mean {near[0]}? ' if near else ''}those that exist: {', '.join(names)}"
