// What the reader is told besides the numbers: waiting, refusals, what is not feasible, and the newest result for who listens.

import { byId, el, say } from "./dom.js";

const PATIENCE_MS = 1500;
const SETTLE_MS = 700;

let waiting = null;
let settling = null;

/** Dim the last answer; after a while say that the next is being computed. */
export function busy() {
  byId("answer").classList.add("busy");
  byId("answer").setAttribute("aria-busy", "true");
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    const first = byId("numbers").childElementCount === 0;
    const words = first ? "Computing the first answer; the next ones are quicker." : "Still computing. The numbers below are of the last answer.";
    notice("slow", [el("p", {}, words), el("div", { class: "progress" })]);
  }, PATIENCE_MS);
}

export function ready() {
  clearTimeout(waiting);
  byId("answer").classList.remove("busy", "stale");
  byId("answer").removeAttribute("aria-busy");
  byId("status").hidden = true;
}

/** Something went wrong: the last answer stays, dimmed, and says that it is old. */
export function trouble(error, again) {
  ready();
  byId("answer").classList.add("stale");
  const words = { bad_input: "That cannot be asked.", infeasible: "Not feasible.", offline: "No connection.", busy: "Busy." }[error.kind] ?? "No answer.";
  const parts = [el("p", {}, el("b", {}, `${words} `), error.message)];
  if (error.kind !== "bad_input" && error.kind !== "infeasible") parts.push(el("button", { type: "button", onclick: again }, "Try again"));
  notice(error.kind, parts);
  announce(`${words} ${error.message}`);
}

/** A sound question whose answer is no: clear words where the numbers would stand. */
export function infeasible(answers) {
  const told = answers.filter(([, answer]) => !answer.feasible);
  if (!told.length) return;
  const lines = told.flatMap(([side, { reason, notes }]) => [
    el("p", {}, el("b", {}, side ? `${side} is not feasible. ` : "Not feasible. "), sentence(reason)),
    ...(notes ?? []).map((words) => el("p", {}, el("b", {}, "What would help: "), words)),
  ]);
  notice("infeasible", lines);
}

const sentence = (words) => {
  const text = String(words ?? "").trim();
  return text ? text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".") : "";
};

function notice(kind, parts) {
  const box = byId("status");
  box.className = `status ${kind}`;
  box.hidden = false;
  box.replaceChildren(...parts);
}

/** Politely, and only once the reader has stopped moving things. */
export function announce(words) {
  clearTimeout(settling);
  settling = setTimeout(() => say(byId("told"), words), SETTLE_MS);
}
