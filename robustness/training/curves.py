"""How the training went, as one page that works from disk: loss, learning rate, validation accuracy by source, over epochs."""

from __future__ import annotations

from html import escape

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from robustness.training.trainer import Epoch


def curves_page(history: list[Epoch], title: str, epochs: int) -> str:
    """The page, with plotly.js inside.

    Args:
        history: of the epochs that are done.
        title: what is trained.
        epochs: how many there are to be.
    """
    figure = make_subplots(rows=3, cols=1, shared_xaxes=True, vertical_spacing=0.07, row_heights=[0.5, 0.3, 0.2])
    numbers = [epoch.number for epoch in history]
    for source in history[-1].accuracy:
        shares = [epoch.accuracy[source] for epoch in history]
        figure.add_trace(go.Scatter(x=numbers, y=shares, name=f"validation, {source}", mode="lines+markers"), row=1, col=1)
    figure.add_trace(go.Scatter(x=numbers, y=[epoch.loss for epoch in history], name="training loss", mode="lines+markers"), row=2, col=1)
    figure.add_trace(go.Scatter(x=numbers, y=[epoch.learning_rate for epoch in history], name="learning rate"), row=3, col=1)
    figure.update_yaxes(title_text="balanced accuracy", range=[0, 1], row=1, col=1)
    figure.update_yaxes(title_text="cross-entropy", row=2, col=1)
    figure.update_yaxes(title_text="rate", row=3, col=1)
    figure.update_xaxes(title_text="epoch", row=3, col=1)
    figure.update_layout(title=f"{escape(title)}: {len(history)} of {epochs} epochs", template="plotly_white", height=800)
    page: str = figure.to_html(full_html=True, include_plotlyjs=True, div_id="curves")
    return page
