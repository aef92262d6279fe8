"use strict";
/* The shift atlas: a row a recording, in the order and at the height of the table's rows; one selection for both. */

const ATLAS = DATA.atlas ? { ...DATA.atlas, variants: DATA.atlas.variants.map((v) => ({ ...v, ...unpackedVariant(v) })) } : null;
const atlasState = { variant: 0, order: ATLAS ? ATLAS.names.map((_, i) => i) : [], row: null, column: null };

function unpackedVariant(variant) {
  return { code: unpacked(variant.code), margin: unpacked(variant.margin), answer: unpacked(variant.answer), percent: unpacked(variant.percent) };
}

function signed(value, digits) {
  return value.toFixed(digits).replace("-", "−");
}

/* Names may hold tags that plotly would read. */
function plain(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function described(row, column, variant) {
  const data = ATLAS.variants[variant];
  const answer = `${ATLAS.labels[data.answer[row][column]]} ${Math.round(data.percent[row][column])} %`;
  const code = data.code[row][column];
  const verdict = ATLAS.labelled[row] ? `${ATLAS.outcomes[code]} (${signed(data.margin[row][column], 1)} from the boundary)` : code < ATLAS.bad ? "as at the reference" : "changed";
  return `${ATLAS.names[row]} · lead ${signed(ATLAS.leads[column], 0)} ms: ${answer}, ${verdict}`;
}

/* Where the table's body begins and how high its rows are; without a table beside it, rows of their own and names on the left. */
function geometry(element) {
  const body = document.querySelector("#answers tbody");
  const stacked = element.getBoundingClientRect().left < body.closest(".scroll").getBoundingClientRect().right || document.documentElement.classList.contains("printing");
  if (stacked) return { top: 40, row: 20, left: 74 };
  const { top, height } = body.getBoundingClientRect();
  const count = body.querySelectorAll("tr:not([hidden])").length;
  return { top: Math.max(36, top - element.getBoundingClientRect().top), row: count ? height / count : 26, left: 16 };
}

/* A mark in each row, with a rim that keeps it visible on any colour. */
function marks(order, x, symbol, size) {
  const place = { x: order.map((row) => x[row]), y: order.map((_, i) => i), type: "scatter", mode: "markers", hoverinfo: "skip" };
  const mark = (color, width) => ({ ...place, marker: { symbol, size, color, line: { width, color } } });
  return [mark("var(--paper)", 4), mark("var(--ink)", 2)];
}

/* A dot in every cell that a user notices: the colour does not speak alone. */
function dots(order, codes) {
  const x = [], y = [];
  order.forEach((row, i) => codes[row].forEach((value, column) => { if (value >= ATLAS.bad) { x.push(ATLAS.leads[column]); y.push(i); } }));
  return { type: "scatter", mode: "markers", x, y, marker: { symbol: "circle", size: 2, color: "var(--ink)" }, hoverinfo: "skip" };
}

function chosen(order) {
  const i = order.indexOf(atlasState.row);
  if (i < 0) return [];
  const line = { color: "var(--ink)", width: 1.5 };
  const shapes = [{ type: "rect", xref: "paper", x0: 0, x1: 1, y0: i - 0.5, y1: i + 0.5, line }];
  if (atlasState.column !== null) {
    const x = ATLAS.leads[atlasState.column], half = ATLAS.step / 2;
    shapes.push({ type: "rect", x0: x - half, x1: x + half, y0: i - 0.5, y1: i + 0.5, line: { color: "var(--ink)", width: 3 } });
  }
  return shapes;
}

if (ATLAS) MAKERS.atlas = (element) => {
  const { order, variant } = atlasState;
  const { top, row, left } = geometry(element);
  const data = ATLAS.variants[variant];
  const bottom = 10;
  const steps = ATLAS.colours.length;
  const scale = ATLAS.colours.flatMap((colour, i) => [[i / steps, colour], [(i + 1) / steps, colour]]);
  element.style.height = `${top + row * Math.max(1, order.length) + bottom}px`;
  const heat = {
    type: "heatmap", x: ATLAS.leads, y: order.map((_, i) => i), z: order.map((r) => data.code[r]), zmin: -0.5, zmax: steps - 0.5, showscale: false,
    colorscale: scale, text: order.map((r) => ATLAS.leads.map((_, c) => plain(described(r, c, variant)))), hovertemplate: "%{text}<extra></extra>",
  };
  const bars = { symbol: "line-ns", size: Math.max(8, row - 8) };
  const layout = {
    height: top + row * Math.max(1, order.length) + bottom, margin: { l: left, r: 16, t: top, b: bottom }, shapes: chosen(order),
    xaxis: { side: "top", ticksuffix: "", title: { text: "lead, ms from the window’s start" }, range: [ATLAS.leads[0] - 5, ATLAS.leads.at(-1) + 5], dtick: element.clientWidth < 420 ? 200 : 100 },
    yaxis: { range: [order.length - 0.5, -0.5], showgrid: false, ticks: "", showticklabels: left > 16, tickvals: order.map((_, i) => i), ticktext: order.map((r) => plain(ATLAS.names[r])) },
  };
  const bounds = [ATLAS.names.map(() => 0), ATLAS.slack].flatMap((x) => marks(order, x, bars.symbol, bars.size));
  return { data: [heat, dots(order, data.code), ...bounds, ...marks(order, ATLAS.reference, "circle-open", 7)], layout };
};

function nearest(lead) {
  return ATLAS.leads.reduce((best, other, i) => (Math.abs(other - lead) < Math.abs(ATLAS.leads[best] - lead) ? i : best), 0);
}

/* Chooses a recording, and a lead of it or none, in the table, the atlas and the line below. */
function choose(row, column = null) {
  atlasState.row = row;
  atlasState.column = column;
  for (const line of document.querySelectorAll("#answers tbody tr")) line.toggleAttribute("aria-current", Number(line.dataset.row) === row);
  if (!ATLAS) return;
  redraw("atlas");
  if (row === null || row >= ATLAS.names.length) return;
  const at = column ?? nearest(ATLAS.reference[row]);
  const said = ATLAS.variants.map((v, i) => `${v.name}: ${described(row, at, i).split(": ").slice(1).join(": ")}`).join(" · ");
  document.getElementById("readout").textContent = `${ATLAS.names[row]}, lead ${signed(ATLAS.leads[at], 0)} ms — ${said}`;
}

function moveWithKeys(event) {
  const { order, row, column } = atlasState;
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
  if (!step || order.length === 0) return;
  event.preventDefault();
  const clamp = (value, most) => Math.min(most, Math.max(0, value));
  const start = ATLAS.leads.findIndex((lead) => lead >= 0);
  choose(order[clamp(order.indexOf(row) + step[0], order.length - 1)], clamp((column ?? start) + step[1], ATLAS.leads.length - 1));
}

LISTENERS.atlas = (element) => {
  element.on("plotly_click", ({ points: [point] }) => {
    choose(atlasState.order[point.y], ATLAS.leads.indexOf(point.x));
    history.replaceState(null, "", `#${ATLAS.addresses[atlasState.row]}`);
  });
};

if (ATLAS) {
  document.querySelector('[data-figure="atlas"]').addEventListener("keydown", moveWithKeys);
  for (const input of document.querySelectorAll('input[name="atlas-variant"]')) {
    input.addEventListener("change", () => { atlasState.variant = Number(input.value); redraw("atlas"); });
  }
}
