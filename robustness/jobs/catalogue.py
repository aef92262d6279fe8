"""What can be run: every perturbation with its default grid, every front-end, variant, attribution method, intervention and rule.

Each table is read from its registry, so that a new file in a plug-in folder appears in it by itself. `levels` are mild → harsh; the neutral
level changes nothing. `conditions` counts what one recording goes through in a variant, at the reference placement `center`.
"""

from __future__ import annotations

import dataclasses
import inspect
import itertools
import json
import math
from collections.abc import Callable, Iterable
from typing import Any, Final, get_args

import pandas as pd

from robustness.attributions.base import ATTRIBUTIONS
from robustness.audio.no_word import DRAWS, LEVELS_DBFS
from robustness.conditions import NO_WORD, Condition, Placement, Preset
from robustness.errors import UsageError
from robustness.frontends.base import FRONTENDS
from robustness.interventions.base import INTERVENTIONS
from robustness.jobs.listing import STORED, markdown_of, plugin_files
from robustness.perturbations.base import PERTURBATIONS, Perturbation
from robustness.quantization.base import QUANTIZERS
from robustness.streaming.rules.base import RULES
from robustness.sweep.plan import preset_names

REFERENCE: Final[Placement] = "center"


def perturbations() -> pd.DataFrame:
    """Each perturbation and, last, the windows without a word: what it is, its levels, what it needs, and its smallest preset."""
    return pd.DataFrame([*(_perturbation(kind()) for kind in PERTURBATIONS.all().values()), _no_word()])


def _perturbation(perturbation: Perturbation) -> dict[str, Any]:
    conditions = list(dict.fromkeys(perturbation.conditions(REFERENCE)))
    return {
        "name": perturbation.name,
        "family": perturbation.family,
        "axis": perturbation.axis.name,
        "unit": perturbation.axis.unit,
        "levels": levels_text(perturbation.axis.grid) + _leads_text(conditions),
        "neutral": level_text(perturbation.neutral(REFERENCE)),
        "draws": perturbation.draws,
        "fills": ", ".join(perturbation.fills),
        "inputs": ", ".join([*perturbation.inputs, *([] if perturbation.extra is None else [f"extra {perturbation.extra.name}"])]),
        "everyday": _everyday_text(perturbation),
        "preset": perturbation.preset,
        "conditions": len(conditions),
        "source": perturbation.source,
    }


def _everyday_text(perturbation: Perturbation) -> str:
    """The levels of an ordinary day, and who says so."""
    found = perturbation.everyday
    return "" if found is None else f"{level_text(found.low)} … {level_text(found.high)} ({found.source})"


def _no_word() -> dict[str, Any]:
    return {
        "name": NO_WORD,
        "family": "",
        "axis": "level of white and of pink noise alone, beside digital silence",
        "unit": "dBFS",
        "levels": levels_text(LEVELS_DBFS),
        "neutral": "",
        "draws": DRAWS,
        "fills": "",
        "inputs": "",
        "everyday": "",
        "preset": "quick",
        "conditions": 2 * DRAWS * len(LEVELS_DBFS) + 1,
        "source": "always part of a run; with --noises DIR also those files, end to end",
    }


def levels_text(levels: Iterable[float]) -> str:
    """Levels as text, the two signs of one size written once: (−20, 20, −40, 40) → "±20, ±40"."""
    sizes: list[str] = []
    rest = list(levels)
    while rest:
        level = rest.pop(0)
        both = bool(rest) and level != 0 and rest[0] == -level
        sizes.append(f"±{level_text(abs(level))}" if both else level_text(level))
        if both:
            rest.pop(0)
    return ", ".join(sizes)


def level_text(level: float) -> str:
    """One level with a true minus sign; infinity, for an SNR, is no noise at all."""
    return f"{level:g}".replace("-", "−").replace("inf", "∞")


def _leads_text(conditions: Iterable[Condition]) -> str:
    """The leads of the shift atlas, for a perturbation that has them."""
    leads = sorted(c.level for c in conditions if c.placement == "offset" and c.level is not None)
    if not leads:
        return ""
    steps = {b - a for a, b in itertools.pairwise(leads)}
    step = f" in steps of {level_text(steps.pop())}" if len(steps) == 1 else ""
    return f"; from the window's start {level_text(leads[0])} … {level_text(leads[-1])}{step}"


def frontends() -> pd.DataFrame:
    """Each front-end: name, settings with their defaults, and what it does."""
    return pd.DataFrame({"name": name, "settings": _settings(kind), "does": _first_line(kind)} for name, kind in FRONTENDS.all().items())


def variants() -> pd.DataFrame:
    """Each variant: name, what it does, and its source."""
    return pd.DataFrame({"name": name, "does": _first_line(kind), "source": kind.source} for name, kind in QUANTIZERS.all().items())


def attributions() -> pd.DataFrame:
    """Each attribution method: name, kind (perturbation runs any variant, gradient only float ones), what it does, and its source."""
    return pd.DataFrame(
        {"name": name, "kind": kind.kind, "settings": _settings(kind), "does": _first_line(kind), "source": kind.source}
        for name, kind in ATTRIBUTIONS.all().items()
    )


def interventions() -> pd.DataFrame:
    """Each intervention: name, kind, sizes with their unit, draws, what it does, its control, and its source."""
    return pd.DataFrame(
        {
            "name": name,
            "kind": kind.kind,
            "sizes": levels_text(kind.sizes_tried.sizes),
            "unit": kind.sizes_tried.unit,
            "draws": kind.draws,
            "does": kind.does,
            "control": kind.control_does,
            "source": kind.source,
        }
        for name, kind in INTERVENTIONS.all().items()
    )


def rules() -> pd.DataFrame:
    """Each decision rule of a stream: name, its usual threshold (of the card where it has none), settings, what it does, and its source."""
    return pd.DataFrame(
        {
            "name": name,
            "threshold": "the card's" if kind.usual is None else f"{kind.usual:.4g}",
            "settings": _settings(kind).removeprefix("threshold = None, "),
            "does": (inspect.getdoc(inspect.getmodule(kind)) or "").partition("\n")[0],
            "source": kind.source,
        }
        for name, kind in RULES.all().items()
    )


def _settings(kind: type) -> str:
    fields = dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ()
    return ", ".join(f"{field.name} = {_default(field.default)}" for field in fields if field.init)


def _default(value: object) -> str:
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:g}"
    return str(value)


def _first_line(kind: type) -> str:
    return (inspect.getdoc(kind) or "").partition("\n")[0]


TABLES: Final[dict[str, Callable[[], pd.DataFrame]]] = {
    "perturbations": perturbations,
    "frontends": frontends,
    "variants": variants,
    "attributions": attributions,
    "interventions": interventions,
    "rules": rules,
}


def table(what: str) -> pd.DataFrame:
    """One of the tables by name.

    Raises:
        UsageError: where there is no such table; the message lists those that exist.
    """
    if what not in TABLES:
        raise UsageError(f"there is nothing called {what!r} to list; give one of {', '.join(TABLES)}, or nothing for all")
    return TABLES[what]()


def of_preset(rows: pd.DataFrame, preset: Preset) -> pd.DataFrame:
    """The rows of the table of perturbations that a preset runs.

    Raises:
        UsageError: there is no such preset.
    """
    return rows[rows["name"].isin([*preset_names(preset), NO_WORD])]


def markdown_table(rows: pd.DataFrame) -> str:
    """The table as Markdown, one line a row; ends without a line break."""
    return markdown_of(rows.to_dict("records"))  # type: ignore[arg-type]


def contents() -> dict[str, Any]:
    """All tables, and which perturbations each preset runs, as `catalogue.json` holds them."""
    tables = {name: json.loads(table(name).to_json(orient="records")) for name in TABLES}
    return {"files": plugin_files(), "presets": {preset: list(preset_names(preset)) for preset in get_args(Preset)}, "tables": tables}


if __name__ == "__main__":  # `make readme`
    STORED.write_text(json.dumps(contents(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
