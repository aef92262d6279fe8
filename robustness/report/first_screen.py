"""What does a run show in a notebook? The first screen of its page, in a frame of its own: its style touches nothing around it.

No script runs in it; the whole page is the file `index.html` of the run. Loads no torch.
"""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from robustness.report.packing import own
from robustness.report.sections.summary import Summary
from robustness.report.sentences import scope, title
from robustness.report.view import View
from robustness.run.folder import Run

HEIGHT: Final = 620  # px
PAGE: Final = Markup(
    "<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{style}</style>"
    "<body><header><p class=scope>{scope}</p></header><main>{screen}</main></body></html>"
)


def first_screen(run: Run) -> str:
    """A frame with the verdict, the sentences, the curve and the bars."""
    view = View(run)
    page = PAGE.format(title=title(view), style=Markup(own("style.css")), scope=" · ".join(scope(view)), screen=Summary().part(view).html)
    frame = Markup('<iframe sandbox srcdoc="{}" title="{}" style="width:100%;height:{}px;border:0"></iframe>')
    return str(frame.format(str(page), title(view), HEIGHT))
