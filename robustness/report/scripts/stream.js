"use strict";
/* A take of hours: what is drawn of it follows the stretch that is seen, from pieces of several scales; a click plays what lies there. */

const MOST_PIECES = 1500; // that are drawn of one line
const FINER = 4; // from one scale to the next
const scales = new Map();

/* The largest (or smallest) of each few values, again and again: a stretch of any length has a scale with few enough pieces. */
function scalesOf(series, pick) {
  if (!scales.has(series)) {
    const found = [unpacked(series)];
    while (found.at(-1).length > MOST_PIECES) {
      const finer = found.at(-1);
      const coarser = new Float32Array(Math.ceil(finer.length / FINER));
      for (let at = 0; at < coarser.length; at += 1) {
        let best = finer[at * FINER];
        for (let next = at * FINER + 1; next < Math.min(finer.length, (at + 1) * FINER); next += 1) best = pick(best, finer[next]);
        coarser[at] = best;
      }
      found.push(coarser);
    }
    scales.set(series, found);
  }
  return scales.get(series);
}

/* The pieces of a series between two times, at the finest scale that has few enough: [time of each, value of each]. */
function pieces(tile, series, pick, [from, to]) {
  const all = scalesOf(series, pick);
  let step = tile.step_ms, level = 0;
  while (level < all.length - 1 && (to - from) / step > MOST_PIECES) { step *= FINER; level += 1; }
  const first = Math.max(0, Math.floor((from - tile.first_ms) / step));
  const last = Math.min(all[level].length, Math.ceil((to - tile.first_ms) / step) + 1);
  const values = Array.from(all[level].subarray(first, last));
  return [values.map((_, at) => tile.first_ms + (first + at) * step), values];
}

/* The line of a tile over a stretch: highest values, or lowest and highest beside each other. */
function line(tile, range) {
  const [x, high] = pieces(tile, tile.high, Math.max, range);
  if (!tile.low) return { x, y: high };
  const [, low] = pieces(tile, tile.low, Math.min, range);
  return { x: x.flatMap((time) => [time, time]), y: high.flatMap((value, at) => [low[at], value]) };
}

const STEPS_S = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800];

/* Marks of an axis of time: seconds, or minutes and hours where a take has some. */
function clock(seconds, whole) {
  const two = (number) => String(number).padStart(2, "0");
  if (whole < 60) return String(Number(seconds.toFixed(2)));
  const rounded = Math.floor(seconds), rest = Number((seconds - rounded).toFixed(2));
  const short = two(rounded % 60) + (rest ? String(rest).slice(1) : "");
  return whole < 3600 ? `${Math.floor(rounded / 60)}:${short}` : `${Math.floor(rounded / 3600)}:${two(Math.floor(rounded / 60) % 60)}:${short}`;
}

function marks([from, to], whole, width) {
  const most = Math.max(2, Math.floor(width / 90));
  const step = STEPS_S.find((one) => (to - from) / 1000 / one <= most) || STEPS_S.at(-1);
  const seconds = [];
  for (let at = Math.ceil(from / 1000 / step); at * step <= to / 1000; at += 1) seconds.push(at * step);
  return { tickvals: seconds.map((one) => one * 1000), ticktext: seconds.map((one) => clock(one, whole / 1000)) };
}

const stretches = new Map(); // the stretch that is seen of each figure

function tiled(id, width) {
  const spec = DATA.figures[id], whole = spec.layout.xaxis.range, range = stretches.get(id) || whole;
  const data = spec.data.map((trace) => (trace.tile ? { ...trace, ...line(trace.tile, range), tile: undefined } : trace));
  return { data, layout: { ...spec.layout, xaxis: { ...spec.layout.xaxis, range: [...range], ...marks(range, whole[1], width) } } };
}

function show(element, from, to) {
  const whole = DATA.figures[element.dataset.figure].layout.xaxis.range;
  const length = Math.min(Math.max(to - from, 200), whole[1] - whole[0]);
  const start = Math.min(Math.max(from, whole[0]), whole[1] - length);
  stretches.set(element.dataset.figure, [start, start + length]);
  draw(element);
}

function moved(element, { zoom = 1, by = 0 }) {
  const [from, to] = stretches.get(element.dataset.figure) || DATA.figures[element.dataset.figure].layout.xaxis.range;
  const middle = (from + to) / 2 + by * (to - from), half = ((to - from) * zoom) / 2;
  show(element, middle - half, middle + half);
}

function played(element, point) {
  const named = document.getElementById(point.customdata || "");
  const whole = document.getElementById(element.dataset.sound || "");
  if (!named && !whole) return;
  const sound = named || whole;
  sound.currentTime = named ? 0 : Math.max(0, point.x / 1000);
  sound.play();
}

for (const element of document.querySelectorAll('[data-figure^="timeline-"]')) {
  const id = element.dataset.figure;
  MAKERS[id] = () => tiled(id, element.clientWidth || 600);
  LISTENERS[id] = () => {
    element.on("plotly_click", ({ points: [point] }) => played(element, point));
    element.on("plotly_relayout", (change) => {
      if ("xaxis.range[0]" in change) show(element, change["xaxis.range[0]"], change["xaxis.range[1]"]);
      else if (change["xaxis.autorange"]) { stretches.delete(id); draw(element); }
    });
  };
}

const MOVES = { wider: { zoom: 4 }, closer: { zoom: 0.25 }, earlier: { by: -0.5 }, later: { by: 0.5 }, all: { zoom: Infinity } };
for (const button of document.querySelectorAll("[data-move]")) {
  const element = document.querySelector(`[data-figure="${button.dataset.of}"]`);
  button.addEventListener("click", () => moved(element, MOVES[button.dataset.move]));
}

/* A row of the table of errors shows where it lies. */
for (const button of document.querySelectorAll("[data-at]")) {
  button.addEventListener("click", () => {
    const element = document.querySelector(`[data-figure="${button.dataset.of}"]`);
    show(element, Number(button.dataset.at) - 3000, Number(button.dataset.at) + 2000);
    element.scrollIntoView({ block: "center" });
  });
}
