"use strict";
/* One recording: switches choose target, method and variant or difference; map, strip, bar, sounds, segments and trust follow. */

const SEEN = DATA.inspector;
const MEL = unpacked(SEEN.mel);
const FRAMES = MEL[0].length, BANDS = MEL.length;
const TIMES = Array.from({ length: FRAMES }, (_, i) => i * SEEN.hop_ms);
const HARDLY_SEEN = 0.1; // of the scale
const cell = { band: null, frame: null };

function value(name) {
  return document.querySelector(`input[name="${name}"]:checked`).value;
}

function signed(number, digits) {
  const text = number.toFixed(digits).replace("-", "−");
  return number > 0 ? `+${text}` : text;
}

/* As many decimals as a number needs to be seen beside the largest of its kind. */
function seen(number, largest) {
  return signed(number, largest >= 1 ? 1 : largest >= 0.1 ? 2 : 3);
}

function short(number) {
  return Number(number.toPrecision(2)).toString().replace("-", "−");
}

function plain(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/* The map chosen: of one variant, or of one minus that of another by the same method and target. */
function chosen() {
  const method = value("method"), target = value("target"), shown = SEEN.shown[value("shown")];
  const of = (variant) => SEEN.maps[`${method}/${variant}/${target}`];
  if (shown.minus === null) return { method, target, shown, ...whole(of(shown.variant)) };
  const [a, b] = [whole(of(shown.variant)), whole(of(shown.minus))];
  const less = (x, y) => x.map((v, i) => v - y[i]);
  return { method, target, shown, map: a.map.map((row, i) => less(row, b.map[i])), strip: less(a.strip, b.strip), bar: less(a.bar, b.bar), top: null, row: null, key: null };
}

function whole(one) {
  return { map: unpacked(one.map), strip: unpacked(one.strip), bar: unpacked(one.bar), top: unpacked(one.top), row: one.row, key: one.key };
}

function said(band, frame, map) {
  const target = SEEN.targets[value("target")], number = map[band][frame];
  const side = number > 0 ? `for ${target.label}` : target.rival === null ? `against ${target.label}` : `for ${target.rival}`;
  const logits = number === 0 ? "0 logits" : `${number > 0 ? "+" : ""}${Math.abs(number) < 0.1 ? short(number) : signed(number, 3).replace("+", "")} logits, ${side}`;
  return `${Math.round(TIMES[frame])} ms, ${Math.round(SEEN.band_hz[band])} Hz: ${MEL[band][frame].toFixed(0).replace("-", "−")} dB, ${logits}`;
}

function inside(shape) {
  return { ...shape, xref: "x", yref: "y domain" };
}

function marksOf() {
  const veil = (x0, x1) => ({ ...inside({ type: "rect", x0, x1, y0: 0, y1: 1 }), line: { width: 0 }, fillcolor: "var(--veil)" });
  const [start, end] = SEEN.recording_ms, shapes = [];
  if (start > 0) shapes.push(veil(0, start));
  if (end < SEEN.window_ms) shapes.push(veil(end, SEEN.window_ms));
  for (const x of SEEN.speech_ms) shapes.push({ ...inside({ type: "line", x0: x, x1: x, y0: 0, y1: 1 }), line: { color: "var(--ink)", width: 1.2, dash: "dash" } });
  if (cell.band !== null) {
    const half = SEEN.hop_ms / 2;
    shapes.push({ type: "rect", x0: TIMES[cell.frame] - half, x1: TIMES[cell.frame] + half, y0: cell.band - 0.5, y1: cell.band + 0.5, line: { color: "var(--ink)", width: 2 } });
  }
  return shapes;
}

function names() {
  const note = (x, text) => ({ x, y: 1, xref: "x", yref: "y domain", yanchor: "top", text, showarrow: false, font: { size: 11, color: "var(--ink)" } });
  const [start, end] = SEEN.recording_ms, notes = [];
  notes.push(note((Math.max(0, SEEN.speech_ms[0]) + Math.min(SEEN.window_ms, SEEN.speech_ms[1])) / 2, "speech"));
  if (SEEN.window_ms - end > 0.12 * SEEN.window_ms) notes.push(note((Math.max(0, end) + SEEN.window_ms) / 2, "padding"));
  if (start > 0.12 * SEEN.window_ms) notes.push(note(start / 2, "padding"));
  return notes;
}

MAKERS.inspector = (element) => {
  const { method, map, strip, bar, top } = chosen();
  const scale = SEEN.scales[method], on = document.getElementById("overlay").checked, narrow = element.clientWidth < 560;
  const colors = (values) => Array.from(values, (v) => (v < 0 ? "var(--wrong)" : "var(--right)"));
  const over = { type: "heatmap", x: TIMES, z: map, zmin: -scale.map, zmax: scale.map, colorscale: SEEN.over, showscale: false, opacity: on ? 1 : 0,
    text: map.map((row, band) => Array.from(row, (_, frame) => said(band, frame, map))), hovertemplate: "%{text}<extra></extra>" };
  const grey = { type: "heatmap", x: TIMES, z: MEL, colorscale: SEEN.grey, showscale: false, hoverinfo: "skip" };
  const rim = top === null || !on ? [] : [{ type: "contour", x: TIMES, z: top, autocontour: false, contours: { start: 0.5, end: 0.5, size: 1, coloring: "none" }, line: { color: "var(--ink)", width: 1.2, smoothing: 0 }, showscale: false, hoverinfo: "skip" }];
  const above = { type: "bar", x: TIMES, y: strip, yaxis: "y2", width: SEEN.hop_ms, marker: { color: colors(strip), line: { width: 0 } }, hovertemplate: "%{x:.0f} ms: %{y:.3g}<extra></extra>" };
  const beside = { type: "bar", orientation: "h", y: SEEN.band_hz.map((_, i) => i), x: bar, xaxis: "x2", width: 1, marker: { color: colors(bar), line: { width: 0 } }, hovertemplate: "%{x:.3g}<extra></extra>" };
  const share = narrow ? 0.84 : 0.9;
  const layout = {
    margin: { l: 46, r: 6, t: 6, b: 40 }, bargap: 0, shapes: marksOf(), annotations: names(),
    xaxis: { title: { text: "ms from the window’s start" }, range: [0, SEEN.window_ms], domain: [0, share], showgrid: false, dtick: narrow ? SEEN.window_ms / 5 : SEEN.window_ms / 10 },
    yaxis: { title: { text: "Hz" }, range: [-0.5, BANDS - 0.5], domain: [0, 0.8], showgrid: false, ...SEEN.ticks },
    yaxis2: { range: [-scale.strip, scale.strip], domain: [0.83, 1], showgrid: false, zeroline: true, zerolinecolor: "var(--line)", tickvals: [-scale.strip, 0, scale.strip], ticktext: [`−${short(scale.strip)}`, "0", `+${short(scale.strip)}`] },
    xaxis2: { range: [-scale.bar, scale.bar], domain: [share + 0.02, 1], showgrid: false, zeroline: true, zerolinecolor: "var(--line)", showticklabels: false, ticks: "", title: { text: `±${short(scale.bar)}`, standoff: narrow ? 22 : 6 } },
  };
  return { data: [grey, over, ...rim, above, beside], layout };
};

function point(band, frame) {
  document.getElementById("pointed").textContent = said(band, frame, chosen().map);
}

LISTENERS.inspector = (element) => {
  const at = ({ points: [p] }) => (p.data.type === "heatmap" ? [Math.round(p.y), Math.round(p.x / SEEN.hop_ms)] : null);
  element.on("plotly_hover", (event) => { const found = at(event); if (found) point(...found); });
  element.on("plotly_click", (event) => {
    const found = at(event), sound = document.getElementById("sound-heard");
    if (!found) return;
    [cell.band, cell.frame] = found;
    redraw("inspector");
    point(...found);
    if (sound) { sound.currentTime = TIMES[found[1]] / 1000; sound.play(); }
  });
  element.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [1, 0], ArrowDown: [-1, 0] }[event.key];
    if (!step) return;
    event.preventDefault();
    const clamp = (x, most) => Math.min(most, Math.max(0, x));
    cell.band = clamp((cell.band ?? Math.floor(BANDS / 2)) + step[0], BANDS - 1);
    cell.frame = clamp((cell.frame ?? Math.round(Math.max(0, SEEN.speech_ms[0]) / SEEN.hop_ms)) + step[1], FRAMES - 1);
    redraw("inspector");
    point(cell.band, cell.frame);
  });
};

/* The segments of the variant chosen; for a difference those of the one minus those of the other. */
function falls() {
  const target = value("target"), { variant, minus } = SEEN.shown[value("shown")];
  const a = SEEN.segments[`${variant}/${target}`];
  if (minus === null) return a;
  const b = SEEN.segments[`${minus}/${target}`];
  return { edges: a.edges, baseline: a.baseline - b.baseline, value: a.value - b.value, shares: a.shares.map((s, i) => s - b.shares[i]) };
}

MAKERS.waterfall = (element) => {
  const { edges, baseline, value: end, shares } = falls(), narrow = element.clientWidth < 560;
  const largest = Math.max(...shares.map(Math.abs));
  const spans = shares.map((_, i) => `${Math.round(edges[i])}–${Math.round(edges[i + 1])}`);
  const trace = {
    type: "waterfall", x: ["baseline", ...spans, "recording"], measure: ["absolute", ...shares.map(() => "relative"), "total"], y: [baseline, ...shares, 0],
    text: [baseline, ...shares, end].map((v, i) => (i > 0 && i <= shares.length && v === 0 ? "" : seen(v, largest))), textposition: "outside", cliponaxis: false, textfont: { size: narrow ? 9 : 11, color: "var(--ink)" },
    increasing: { marker: { color: "var(--right)" } }, decreasing: { marker: { color: "var(--wrong)" } }, totals: { marker: { color: "var(--soft)" } },
    connector: { line: { color: "var(--line)", width: 1 } }, hovertemplate: "%{x}: %{text} logits<extra></extra>",
  };
  const levels = [0, baseline, end];
  shares.reduce((sum, share) => { levels.push(sum + share); return sum + share; }, baseline);
  const low = Math.min(...levels), high = Math.max(...levels), room = 0.14 * (high - low || 1);
  const layout = { margin: { l: 46, r: 6, t: 8, b: narrow ? 74 : 40 }, xaxis: { type: "category", tickangle: narrow ? -60 : 0, title: { text: narrow ? "" : "segment, ms from the window’s start; heights in logits" }, showgrid: false }, yaxis: { zeroline: true, zerolinecolor: "var(--soft)", range: [low - room, high + room] } };
  return { data: [trace], layout };
};

function told(list, answers) {
  list.replaceChildren(...answers.map(({ text, right }) => {
    const item = document.createElement("li");
    item.textContent = text;
    if (right !== null) item.className = right ? "right" : "wrong";
    return item;
  }));
}

function listen(key) {
  for (const id of SEEN.players) {
    const name = id === "only" || id === "without" ? (key === null ? null : `${id}/${key}`) : id;
    const player = document.getElementById(`player-${id}`), sound = player.querySelector("audio"), found = name === null ? null : SEEN.sounds[name];
    told(player.querySelector(".told"), found ? found.answers : [{ text: "a difference has no sound of its own: choose one variant", right: null }]);
    if (!sound) continue;
    sound.hidden = !found;
    if (found && sound.dataset.key !== name) { sound.src = found.src; sound.dataset.key = name; }
  }
}

function settle() {
  const method = value("method");
  const inputs = [...document.querySelectorAll('input[name="shown"]')];
  for (const input of inputs) {
    const { variant, minus } = SEEN.shown[input.value], has = (v) => v === null || `${method}/${v}/${value("target")}` in SEEN.maps;
    input.disabled = !(has(variant) && has(minus));
    input.parentElement.title = input.disabled ? `${method} needs gradients, which this variant has not` : "";
  }
  if (inputs.some((input) => input.checked && input.disabled)) inputs.find((input) => !input.disabled).checked = true;
}

function say() {
  const now = chosen(), scale = SEEN.scales[now.method], target = SEEN.targets[now.target];
  const strongest = now.map.reduce((best, row, band) => row.reduce((b, v, frame) => (Math.abs(v) > Math.abs(b.v) ? { v, band, frame } : b), best), { v: 0, band: 0, frame: 0 });
  document.getElementById("says").textContent = strongest.v === 0
    ? `${now.shown.text}: the map is zero everywhere.`
    : `${now.shown.text}, ${target.text}: strongest at ${said(strongest.band, strongest.frame, now.map)}. Scale ±${short(scale.map)} logits, the same for every target, variant and difference of this method.${Math.abs(strongest.v) < HARDLY_SEEN * scale.map ? " So small a map is hardly seen on it." : ""}`;
  document.getElementById("ramp-low").textContent = `−${short(scale.map)} ${target.rival === null ? `against ${target.label}` : `for ${target.rival}`}`;
  document.getElementById("ramp-high").textContent = `+${short(scale.map)} for ${target.label}`;
  const fall = falls(), most = fall.shares.reduce((b, v, i) => (Math.abs(v) > Math.abs(fall.shares[b]) ? i : b), 0);
  document.getElementById("fall-says").textContent = `${now.shown.text}, ${target.text}: from ${signed(fall.baseline, 3)} for the baseline to ${signed(fall.value, 3)} logits. The largest step is ${Math.round(fall.edges[most])}–${Math.round(fall.edges[most + 1])} ms (${signed(fall.shares[most], 3)}). Exact Shapley values: they sum to the change.`;
  const trust = now.key === null ? { verdict: "A difference is as good as its two maps: see each.", failing: false, figures: [] } : now.row;
  const verdict = document.getElementById("verdict");
  verdict.textContent = trust.verdict;
  verdict.classList.toggle("failing", trust.failing);
  document.getElementById("says").classList.toggle("failing", trust.failing);
  if (trust.failing) document.getElementById("says").textContent += ` ${trust.verdict}`;
  document.getElementById("figures").replaceChildren(...trust.figures.flatMap(([term, text]) => {
    const name = document.createElement("dt"), what = document.createElement("dd");
    name.textContent = term;
    what.textContent = text;
    return [name, what];
  }));
  listen(now.key);
}

function changed() {
  settle();
  say();
  redraw("inspector");
  redraw("waterfall");
  if (cell.band !== null) point(cell.band, cell.frame);
}

for (const input of document.querySelectorAll(".switches input")) input.addEventListener("change", changed);
for (const element of plots) watcher.observe(element);
settle();
say();
window.drawnOnce = true; // everything is wired; whoever drives the page may begin
