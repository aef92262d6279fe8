"""How does a page open? With its verdict, what was found in one sentence, and what to do first in one more; all else comes after.

The page of a report has more of it, in `sections/summary.py`. Loads no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from markupsafe import Markup

from robustness.report.sections.base import fill

Kind = Literal["found", "none", "little"]
TEMPLATE: Final = """
<div class="first">
<p class="heading {{ kind }}"><strong>{{ heading }}</strong>{% if about %}: {{ about }}{% endif %}</p>
<p class="lead">{{ finding }}</p>
{% if first %}<dl class="answers"><dt>Do first</dt><dd>{{ first }}</dd></dl>{% endif %}
</div>
"""


@dataclass(frozen=True)
class Opening:
    """A page's first lines.

    Attributes:
        kind: of the verdict: something bad was found, nothing bad was, or too little is known.
        heading: the verdict, in capitals.
        finding: what was found, a sentence.
        first: what to do first, a sentence; empty says nothing.
        about: what the verdict is about, a few words.
    """

    kind: Kind
    heading: str
    finding: str | Markup
    first: str | Markup = ""
    about: str = ""

    @property
    def html(self) -> Markup:
        """The lines as part of a page."""
        return fill(TEMPLATE, **vars(self))
