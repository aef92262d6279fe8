"use strict";
/* The confusion matrix of the condition and variant that the reader chose: colour is the share of a label's answers, the text counts them. */

const CONFUSION = DATA.confusion || null;

function confusionChosen() {
  const radio = document.querySelector('input[name="confusion-variant"]:checked');
  return { variant: radio ? Number(radio.value) : 0, condition: Number(document.getElementById("confusion-condition").value) };
}

if (CONFUSION) {
  MAKERS["confusion-matrix"] = () => {
    const { variant, condition } = confusionChosen();
    const counts = CONFUSION.counts[variant][condition], labels = CONFUSION.labels.map(plain);
    const shares = counts.map((row) => { const all = row.reduce((a, b) => a + b, 0); return row.map((n) => (all ? n / all : 0)); });
    const signedShares = shares.map((row, i) => row.map((share, j) => (i === j ? share : -share)));
    const text = counts.map((row) => row.map((n) => (n ? n.toLocaleString("en") : "")));
    const hover = counts.map((row, i) => row.map((n, j) => `${labels[i]} recognised as ${labels[j]}: ${n.toLocaleString("en")} (${(100 * shares[i][j]).toFixed(1)} %)`));
    const at = labels.map((_, i) => i);
    const heat = { type: "heatmap", x: at, y: at, z: signedShares, zmin: -1, zmax: 1, showscale: false, xgap: 1, ygap: 1, text, texttemplate: "%{text}",
      hovertext: hover, hovertemplate: "%{hovertext}<extra></extra>",
      colorscale: [[0, "var(--wrong)"], [0.5, "var(--paper)"], [1, "var(--right)"]] };
    const axis = { tickvals: at, ticktext: labels, showgrid: false, ticks: "" };
    const layout = { margin: { l: 84, r: 10, t: 58, b: 8 },
      xaxis: { ...axis, side: "top", title: { text: "answer" }, tickangle: labels.length > 12 ? -45 : 0 },
      yaxis: { ...axis, range: [labels.length - 0.5, -0.5], title: { text: "truth" } } };
    return { data: [heat], layout };
  };

  const update = () => {
    const { variant, condition } = confusionChosen();
    const counts = CONFUSION.counts[variant][condition], name = `${CONFUSION.variants[variant]}, ${CONFUSION.conditions[condition]}`;
    let wrong = 0, all = 0, most = [0, 0, 0];
    counts.forEach((row, i) => row.forEach((n, j) => { all += n; if (i !== j) { wrong += n; if (n > most[0]) most = [n, i, j]; } }));
    const number = (n) => n.toLocaleString("en");
    const often = wrong ? `, most often ${CONFUSION.labels[most[1]]} recognised as ${CONFUSION.labels[most[2]]} (${number(most[0])})` : "";
    document.getElementById("confusion-says").textContent = `${name}: ${number(wrong)} of ${number(all)} answers wrong${often}.`;
    redraw("confusion-matrix");
  };
  document.getElementById("confusion-condition").addEventListener("change", update);
  for (const input of document.querySelectorAll('input[name="confusion-variant"]')) input.addEventListener("change", update);
}
