"use strict";
/* Unpacks data and scripts, and runs the scripts in their order; the content policy knows each by its digest. */

(async () => {
  const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%:()*+-;,=.?@^_/{|}~";
  const value = new Uint8Array(128);
  for (let at = 0; at < alphabet.length; at++) value[alphabet.charCodeAt(at)] = at;
  const text = document.getElementById("packed").textContent;
  const bytes = new Uint8Array(Math.ceil(text.length / 5) * 4);
  const view = new DataView(bytes.buffer);
  for (let from = 0, to = 0; from < text.length; from += 5, to += 4) {
    let word = 0;
    for (let at = from; at < from + 5; at++) word = word * 85 + (at < text.length ? value[text.charCodeAt(at)] : 84);
    view.setUint32(to, word);
  }
  const packed = bytes.subarray(0, Math.floor((text.length * 4) / 5));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const { data, scripts } = JSON.parse(await new Response(stream).text());
  document.body.append(Object.assign(document.createElement("script"), { type: "application/json", id: "data", textContent: data }));
  for (const code of scripts) document.body.append(Object.assign(document.createElement("script"), { textContent: code }));
})();
