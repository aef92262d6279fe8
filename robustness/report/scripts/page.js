"use strict";
/* Addresses that open what they name, sounds that play from the point clicked, and the first drawing. */

function goTo() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let fold = target.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  const line = target.closest("#answers tbody tr");
  if (line) {
    if (line.hidden) { find.value = ""; onlyWrong.checked = false; arrange(); }
    const input = document.querySelector(`input[name="atlas-variant"][value="${target.dataset.variant}"]`);
    if (input && !input.checked) input.click();
    choose(Number(line.dataset.row), ATLAS && target.dataset.lead ? nearest(Number(target.dataset.lead)) : null);
  }
  for (const other of document.querySelectorAll(".target")) other.classList.remove("target");
  if (!line || target !== line) target.classList.add("target");
  target.scrollIntoView({ block: line ? "center" : "start" });
}

for (const element of document.querySelectorAll("[data-sound]")) {
  const sound = document.getElementById(element.dataset.sound);
  LISTENERS[element.dataset.figure] = () => {
    element.on("plotly_click", ({ points: [point] }) => {
      sound.currentTime = Math.max(0, point.x / 1000);
      sound.play();
    });
  };
}

/* A button plays the sound that it names, from its beginning. */
for (const button of document.querySelectorAll("[data-plays]")) {
  button.addEventListener("click", () => {
    const sound = document.getElementById(button.dataset.plays);
    if (!sound) return;
    sound.currentTime = 0;
    sound.play();
  });
}

/* A curve plays the recording at the nearest level that is kept; its buttons do, too. */
const levelSound = new Audio();
function hear(id, level) {
  const kept = DATA.sounds[id];
  const near = kept.reduce((best, one) => (Math.abs(one.level - level) < Math.abs(best.level - level) ? one : best));
  levelSound.src = `data:audio/mpeg;base64,${near.sound}`;
  levelSound.dataset.hears = `${id} ${near.level}`;
  levelSound.play();
}
for (const id of Object.keys(DATA.sounds || {})) {
  LISTENERS[id] = (element) => element.on("plotly_click", ({ points: [point] }) => hear(id, point.x));
}
for (const button of document.querySelectorAll("[data-hear]")) {
  button.addEventListener("click", () => hear(button.dataset.hear, Number(button.dataset.level)));
}

/* Escape lets go of what is pinned: the row and the lead chosen, and the meaning of a word. */
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if (document.activeElement.matches("dfn")) document.activeElement.blur();
  const readout = document.getElementById("readout");
  if (readout) { choose(null); readout.textContent = ""; }
});

/* Sounds are read after everything is drawn, so that none delays it. */
function readSounds() {
  for (const sound of document.querySelectorAll("audio")) sound.preload = "metadata";
}
if (document.readyState === "complete") readSounds();
else window.addEventListener("load", readSounds);
window.addEventListener("hashchange", goTo);
for (const element of plots) watcher.observe(element);
goTo();
window.drawnOnce = true; // everything is wired; whoever drives the page may begin
