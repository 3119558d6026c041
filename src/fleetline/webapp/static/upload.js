// A model's config.json, chosen or dropped: the server reads it and answers with a name that the address can hold.

import { post, Trouble } from "./ask.js";
import { el, say } from "./dom.js";

const LARGEST = 1_000_000; // bytes; the server has its own limit, this one spares the wait

/** A button and a line of words; `uploaded(model, name)` is told of a model that was understood. */
export function make(uploaded) {
  const input = el("input", { type: "file", accept: ".json,application/json", id: "config", class: "unseen", tabindex: "-1", "aria-hidden": "true" });
  const button = el("button", { type: "button", class: "quiet", id: "upload" }, "Use my own config.json …");
  const words = el("p", { class: "said", role: "status" });
  const take = (file) => read(file, words, uploaded);
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    if (input.files.length) take(input.files[0]);
    input.value = "";
  });
  const node = el("div", { class: "upload" }, button, input, words);
  drop(take);
  return node;
}

let takes = null;

/** Files may be dropped anywhere on the page. */
function drop(take) {
  const first = takes === null;
  takes = take;
  if (!first) return;
  const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const over = (on) => document.body.classList.toggle("dropping", on);
  window.addEventListener("dragover", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    over(true);
  });
  window.addEventListener("dragleave", (event) => event.relatedTarget === null && over(false));
  window.addEventListener("drop", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    over(false);
    takes(event.dataTransfer.files[0]);
  });
}

async function read(file, words, uploaded) {
  const tell = (text, bad = false) => {
    say(words, text);
    words.classList.toggle("bad", bad);
  };
  if (file.size > LARGEST) return tell(`${file.name} is ${(file.size / 1e6).toFixed(1)} MB; a config.json has a few kilobytes. Choose the configuration, not the weights.`, true);
  tell(`Reading ${file.name} …`);
  try {
    const found = await post(`/api/v1/models?name=${encodeURIComponent(nameOf(file))}`, await file.text());
    const name = found.name ?? nameOf(file);
    tell(`${name}: ${size(found.total_parameters)} parameters, ${size(found.active_parameters)} active, ${found.attention}.`);
    return uploaded(found.model, name);
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    return tell(`${file.name} was not understood: ${short(error.message)}`, true);
  }
}

/** What to call a model: its file's name, unless that is the one that all have. */
function nameOf(file) {
  const stem = file.name.replace(/\.json$/i, "").replace(/[^\w.-]+/g, "-").slice(0, 60);
  return stem === "" || stem === "config" ? "uploaded-model" : stem;
}

const ENOUGH = 240; // letters; what is wrong stands first, lists of what is known last

const short = (words) => (words.length > ENOUGH ? `${words.slice(0, ENOUGH).replace(/[,;]?\s+\S*$/, "")} …` : words);

function size(count) {
  if (!Number.isFinite(count)) return "?";
  const [by, word] = count >= 1e12 ? [1e12, " trillion"] : count >= 1e9 ? [1e9, " billion"] : [1e6, " million"];
  return `${Number((count / by).toPrecision(3))}${word}`;
}
