"use strict";
/* Unpacks data and scripts, and runs the scripts in their order; the content policy knows each by its digest. */

(async () => {
  const bytes = Uint8Array.from(atob(document.getElementById("packed").textContent), (char) => char.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const { data, scripts } = JSON.parse(await new Response(stream).text());
  document.body.append(Object.assign(document.createElement("script"), { type: "application/json", id: "data", textContent: data }));
  for (const code of scripts) document.body.append(Object.assign(document.createElement("script"), { textContent: code }));
})();
