// Two states side by side: what one number is against the other, and in which assumptions the states differ.

import { el } from "./dom.js";
import { isDefault, valueOf } from "./state.js";
import { digits } from "./words.js";

const DAY_MS = 86_400_000;
const DATE = /^\d{4}-\d{2}-\d{2}$/;
const ALIKE = 0.005; // of the larger

/** The live number B in words against the pinned A. */
export function versus(number, pinned) {
  if (!pinned) return "A: not there";
  const [b, a] = [number.value, pinned.value];
  const told = `A: ${pinned.text}`;
  if (typeof a === "number" && typeof b === "number") return `${told} · ${ratio(a, b, number.unit)}`;
  if (DATE.test(a) && DATE.test(b)) return `${told} · ${apart(a, b)}`;
  return number.text === pinned.text ? "as A" : told;
}

function ratio(a, b, unit) {
  if (Math.abs(a - b) <= ALIKE * Math.max(Math.abs(a), Math.abs(b))) return "about the same";
  if (unit === "share" || unit === "%") return `${signed(b - a, unit)}`;
  if (a > 0 && b > 0) return `×${digits(b / a)}`;
  return `${b > a ? "+" : "−"}${digits(Math.abs(b - a))}`;
}

function signed(difference, unit) {
  const points = unit === "share" ? 100 * difference : difference;
  return `${points > 0 ? "+" : "−"}${digits(Math.abs(points))} points`;
}

function apart(a, b) {
  const days = Math.round((Date.parse(b) - Date.parse(a)) / DAY_MS);
  if (days === 0) return "the same day";
  const size = Math.abs(days);
  const words = size >= 60 ? `${digits(size / 30.4375)} months` : `${size} ${size === 1 ? "day" : "days"}`;
  return `${words} ${days > 0 ? "later" : "earlier"}`;
}

/** The bar that names both states: in what they differ, and what can be done. */
export function bar(controls, pinned, live, { swap, drop }) {
  const moved = controls.filter((control) => differ(control, pinned, live));
  const words = (values) => (moved.length ? moved.map((control) => `${control.label}: ${shown(control, values)}`).join(" · ") : "the same assumptions");
  return [
    el("div", { class: "state a" }, el("span", { class: "name" }, "A"), el("p", {}, el("b", {}, "pinned "), words(pinned))),
    el("div", { class: "state b" }, el("span", { class: "name" }, "B"), el("p", {}, el("b", {}, "live "), moved.length ? words(live) : "move a control, and see what it changes")),
    el("div", { class: "acts" }, el("button", { type: "button", id: "swap", onclick: swap }, "Swap A and B"), el("button", { type: "button", id: "drop", onclick: drop }, "Drop A")),
  ];
}

function differ(control, pinned, live) {
  const [a, b] = [valueOf(control, pinned), valueOf(control, live)];
  return a !== b && !(isDefault(control, a) && isDefault(control, b));
}

/** A control's value in the reader's words. */
export function shown(control, values) {
  const text = valueOf(control, values);
  const option = control.options?.find((each) => String(each.value ?? "") === text);
  if (option) return option.label;
  if (text === "") return control.placeholder ?? "as usual";
  if (text.startsWith("config:")) return "uploaded";
  return control.unit ? `${text} ${control.unit}` : text;
}
