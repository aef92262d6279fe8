"use strict";
/* The table of recordings: sorted by any column, filtered by text and by "only wrong"; the atlas follows. */

const answers = document.getElementById("answers");
const find = document.getElementById("find");
const onlyWrong = document.getElementById("only-wrong");
const lines = [...answers.querySelectorAll("tbody tr")];

function sortKey(line, column) {
  const value = line.cells[column].dataset.sort;
  return value !== "" && !Number.isNaN(Number(value)) ? Number(value) : value;
}

function compared(a, b) {
  if (typeof a === typeof b) return a < b ? -1 : a > b ? 1 : 0;
  return typeof a === "number" ? -1 : 1;
}

function sortedLines() {
  const head = answers.querySelector('th[aria-sort="ascending"], th[aria-sort="descending"]');
  if (!head) return lines;
  const column = Number(head.dataset.column), sign = head.ariaSort === "ascending" ? 1 : -1;
  return [...lines].sort((a, b) => sign * compared(sortKey(a, column), sortKey(b, column)) || a.dataset.row - b.dataset.row);
}

function arrange() {
  const text = find.value.trim().toLowerCase();
  for (const line of lines) line.hidden = !line.dataset.text.includes(text) || (onlyWrong.checked && !("wrong" in line.dataset));
  const order = sortedLines();
  answers.tBodies[0].append(...order);
  const visible = order.filter((line) => !line.hidden);
  document.getElementById("shown").textContent = `${visible.length} of ${lines.length} shown`;
  atlasState.order = visible.map((line) => Number(line.dataset.row));
  redraw("atlas");
}

for (const button of answers.querySelectorAll("thead button")) {
  button.addEventListener("click", () => {
    const head = button.closest("th"), next = head.ariaSort === "ascending" ? "descending" : "ascending";
    for (const other of answers.querySelectorAll("th[aria-sort]")) other.ariaSort = "none";
    head.ariaSort = next;
    arrange();
  });
}
find.addEventListener("input", arrange);
onlyWrong.addEventListener("change", arrange);

answers.tBodies[0].addEventListener("click", (event) => {
  const line = event.target.closest("tr");
  if (!line || event.target.closest("a")) return;
  choose(Number(line.dataset.row));
  history.replaceState(null, "", `#${line.id}`);
});
