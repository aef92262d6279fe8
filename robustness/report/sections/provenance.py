"""What made this page, and the command that makes it again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from robustness.report.figures import Table
from robustness.report.sections.base import SECTIONS, Section, SectionPart, fill
from robustness.report.view import View
from robustness.report.words import number, plural

TEMPLATE = """
<h3 id="repeat">Again</h3>
<pre tabindex="0">{{ repeat }}</pre>
<h3>Models</h3>
{% for model in models %}<dl>
{% for key, value in model %}<dt>{{ key }}</dt><dd>
{%- if value | length > long %}<details><summary>{{ value | length }} characters of the card</summary>{{ value }}</details>
{%- else %}{{ value }}{% endif %}</dd>
{% endfor %}</dl>{% endfor %}
<h3>Settings and versions</h3>
<dl>{% for key, value in settings %}<dt>{{ key }}</dt><dd>{{ value }}</dd>
{% endfor %}</dl>
<h3>Recordings</h3>
<dl>{% for key, value in recordings %}<dt>{{ key }}</dt><dd>{{ value }}</dd>
{% endfor %}</dl>
{% if notices %}<ul>{% for notice in notices %}<li>{{ notice }}</li>{% endfor %}</ul>{% endif %}
{% if bad %}<p class="warning">{{ bad | length }} files were skipped, because they cannot be used:</p>
<ul>{% for file in bad %}<li><code>{{ file.id }}</code>: {{ file.reason }}</li>{% endfor %}</ul>{% endif %}
<details class="more"><summary>digests of every file and of the audio under each condition</summary>
{{ table(files) }}
{{ table(audio) }}</details>
"""

MOST_LISTED = 200  # digests of files, and of conditions; the run folder has all
LONG = 600  # characters; what a card says at more length is folded away


@SECTIONS.register
@dataclass(frozen=True)
class Provenance(Section):
    """Settings, hashes, versions, notices, the self-check and the command to repeat it."""

    name: ClassVar[str] = "provenance"
    title: ClassVar[str] = "Provenance"
    order: ClassVar[int] = 80

    def part(self, view: View) -> SectionPart:
        """Everything of the manifest that is the same for the same inputs."""
        manifest = view.manifest
        facts = manifest["recordings"]
        return SectionPart(
            fill(
                TEMPLATE,
                repeat=manifest.get("repeat") or "",
                long=LONG,
                models=[_model(model) for model in manifest["models"]],
                settings=_settings(view),
                recordings=_recordings(facts),
                notices=facts["notices"],
                bad=facts["bad"],
                files=_files(view),
                audio=_audio(manifest["audio_sha256"]),
            )
        )


def _said(value: Any) -> str:
    """A value of a manifest in words."""
    if value is None:
        return "none"
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_said(inner)}" for key, inner in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_said, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _model(model: Mapping[str, Any]) -> list[tuple[str, str]]:
    known = (
        "name",
        "labels",
        "unknown",
        "silence",
        "output",
        "threshold",
        "rate_hz",
        "window_ms",
        "reference",
        "frontend",
        "parameters",
        "weights_sha256",
    )
    titles = {"rate_hz": "rate, Hz", "window_ms": "window, ms", "weights_sha256": "weights, SHA-256", "frontend": "front-end"}
    facts = [(titles.get(key, key), _said(model[key]) or "none") for key in known if key in model]
    return [*facts, *((str(key), _said(value)) for key, value in (model.get("about") or {}).items())]


def _settings(view: View) -> list[tuple[str, str]]:
    plan, manifest = view.plan, view.manifest
    check = manifest["self_check"]
    known = ("seed", "trim", "speech_threshold_db", "batch", "threads", "devices")
    return [
        *((key.replace("_", " "), _said(plan[key])) for key in known if key in plan),
        ("conditions", number(plan["conditions"])),
        ("self-check", f"{plural(check['flips'], 'flip')} in {plural(check['checked'], 'answer')} under conditions that change nothing"),
        ("versions", _said(manifest["versions"])),
        *_processors(manifest.get("blocks", {})),
    ]


def _processors(blocks: Mapping[str, Mapping[str, str]]) -> list[tuple[str, str]]:
    """Which kinds of processor computed the answers, if there are several."""
    kinds = Counter(block["cpu"] for block in blocks.values())
    if len(kinds) < 2:
        return []
    each = ", ".join(f"{kind} ({plural(count, 'block')})" for kind, count in sorted(kinds.items()))
    return [("processors", f"{len(kinds)} kinds, {each}; int8 answers can differ between them")]


def _recordings(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    words = ", ".join(f"{word} {count}" if count > 1 else word for word, count in facts["words"].items())
    rows = [
        ("from", ", ".join(facts["folders"])),
        ("count", number(facts["count"])),
        ("speakers", number(facts["speakers"]) if facts["speakers"] else "not known"),
    ]
    return [*rows, ("words", words or "no labels"), ("SHA-256", facts.get("sha256", "–"))]


def _files(view: View) -> Table:
    table = view.recordings.sort_values("id").head(MOST_LISTED)
    return Table("Digests of the files read", ["recording", "SHA-256"], list(zip(table["id"], table["sha256"], strict=True)))


def _audio(digests: Mapping[str, str]) -> Table:
    rows = sorted(digests.items())
    left = len(rows) - MOST_LISTED
    more = [(f"and {plural(left, 'condition')} more", "in manifest.json of the run folder")] if left > 0 else []
    return Table("Digests of the audio", ["condition", "SHA-256"], [*rows[:MOST_LISTED], *more])
