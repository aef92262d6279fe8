"use strict";
/* How figures are drawn: arrays unpacked, colours taken from the page's variables, when they come into view, and all of them for print. */

const DATA = JSON.parse(document.getElementById("data").textContent);
const MAKERS = {}; // figures that depend on what the reader chose, by address
const LISTENERS = {}; // what a figure's first drawing attaches, by address
const KINDS = { u1: Uint8Array, i1: Int8Array, i2: Int16Array };
const CONFIG = { displayModeBar: false, responsive: true };
const drawn = new Set();

/* The inverse of figures.packed: value = low + step · integer; two axes become rows. */
function unpacked({ packed, kind, low, step, shape }) {
  const bytes = Uint8Array.from(atob(packed), (char) => char.charCodeAt(0));
  const values = Float32Array.from(new KINDS[kind](bytes.buffer), (integer) => low + step * integer);
  if (shape.length === 1) return values;
  const [rows, columns] = shape;
  return Array.from({ length: rows }, (_, row) => values.subarray(row * columns, (row + 1) * columns));
}

function variable(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/* A copy with every `var(--name)` replaced by its colour now, and every packed array unpacked. */
function themed(value) {
  if (typeof value === "string") return value.startsWith("var(") ? variable(value.slice(4, -1)) : value;
  if (ArrayBuffer.isView(value) || value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(themed);
  if ("packed" in value) return unpacked(value);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, themed(inner)]));
}

const AXIS = {
  fixedrange: true, automargin: false, tickangle: 0, zeroline: false, ticks: "outside", ticklen: 3, tickcolor: "var(--line)",
  linecolor: "var(--line)", gridcolor: "var(--grid)", title: { standoff: 6, font: { size: 12 } },
};
const LAYOUT = {
  margin: { l: 46, r: 10, t: 10, b: 38 }, showlegend: false, hovermode: "closest", dragmode: false,
  paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
  font: { family: "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif", size: 12, color: "var(--soft)" },
  hoverlabel: { bgcolor: "var(--paper)", bordercolor: "var(--line)", align: "left", font: { color: "var(--ink)", size: 12 } },
};

function merged(base, over) {
  const isPlain = (value) => value && typeof value === "object" && !Array.isArray(value) && !("packed" in value);
  const result = { ...base };
  for (const [key, value] of Object.entries(over)) result[key] = isPlain(value) && isPlain(base[key]) ? merged(base[key], value) : value;
  return result;
}

function completed(layout) {
  const axes = Object.keys(layout).filter((key) => /^[xy]axis/.test(key));
  const full = merged(LAYOUT, layout);
  for (const key of new Set(["xaxis", "yaxis", ...axes])) full[key] = merged(AXIS, layout[key] || {});
  return full;
}

function draw(element, size = {}) {
  const id = element.dataset.figure;
  const spec = MAKERS[id] ? MAKERS[id](element) : DATA.figures[id];
  Plotly.react(element, themed(spec.data), { ...themed(completed(spec.layout)), ...size }, CONFIG);
  if (!drawn.has(element) && LISTENERS[id]) LISTENERS[id](element);
  drawn.add(element);
}

function redraw(id) {
  const element = document.querySelector(`[data-figure="${id}"]`);
  if (element && drawn.has(element)) draw(element);
}

const plots = [...document.querySelectorAll("[data-figure]")];
const watcher = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      watcher.unobserve(target);
      draw(target);
    }
  },
  { rootMargin: "200px" },
);

/* Print is light, every card open with what was tried, every figure that prints drawn at the paper's width. */
let opened = [];
function beforePrint() {
  document.documentElement.classList.add("printing");
  opened = [...document.querySelectorAll("details.card:not([open]), details.tried:not([open]), details.glossary:not([open])")];
  for (const card of opened) card.open = true;
  for (const element of plots) if (element.clientWidth) draw(element, { width: element.clientWidth });
}

function afterPrint() {
  document.documentElement.classList.remove("printing");
  for (const card of opened) card.open = false;
  for (const element of plots) if (element.clientWidth) draw(element, { width: undefined, autosize: true });
}

window.addEventListener("beforeprint", beforePrint);
window.addEventListener("afterprint", afterPrint);
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawn.forEach((element) => draw(element)));
