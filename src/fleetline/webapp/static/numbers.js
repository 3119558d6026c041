// Numbers as cards: a value in words, its interval, what it is against the other state, and its source one step away.

import { el, link, say } from "./dom.js";
import { versus } from "./compare.js";
import { between } from "./words.js";

/** Draw or update the cards of `answer`; beside those of `other` if two states are compared. */
export function show(section, answer, other = null) {
  const shape = answer.numbers.map((each) => each.key).join(" ");
  if (section.dataset.shape !== shape) {
    section.dataset.shape = shape;
    section.replaceChildren(...rows(answer.numbers));
  }
  const theirs = new Map((other?.numbers ?? []).map((each) => [each.key, each]));
  answer.numbers.forEach((each) => fill(section.querySelector(`[data-number="${CSS.escape(each.key)}"]`), each, other && theirs.get(each.key)));
  section.classList.toggle("two", other !== null);
}

function rows(numbers) {
  const groups = new Map();
  for (const each of numbers) groups.set(each.group ?? "", [...(groups.get(each.group ?? "") ?? []), each]);
  return [...groups].flatMap(([name, inside]) => [name ? el("h2", { class: "row" }, name) : null, el("dl", { class: "cards" }, inside.map(card))]).filter(Boolean);
}

function card(number) {
  const panel = `source-${number.key.replace(/[^\w-]/g, "-")}`;
  const value = el("button", { type: "button", class: "value", "aria-expanded": "false", "aria-controls": panel, "aria-describedby": panel });
  const node = el(
    "div",
    { class: number.primary ? "card primary" : "card", "data-number": number.key },
    el("dt", {}, number.label),
    el("dd", {}, value, el("span", { class: "interval" }), el("span", { class: "versus" }), el("div", { class: "source", id: panel })),
  );
  disclose(node, value);
  return node;
}

/** The source shows on hover and focus (CSS), stays after a click or touch, and goes with Escape. */
function disclose(node, value) {
  const open = (wanted) => {
    node.classList.toggle("open", wanted);
    node.classList.toggle("closed", !wanted && node.matches(":hover, :focus-within"));
    value.setAttribute("aria-expanded", String(wanted));
  };
  value.addEventListener("click", () => open(!node.classList.contains("open")));
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    open(false);
    value.focus();
  });
  node.addEventListener("pointerenter", () => keepInside(node));
  node.addEventListener("focusin", () => keepInside(node));
  const leave = () => node.classList.remove("closed");
  node.addEventListener("pointerleave", leave);
  node.addEventListener("focusout", (event) => {
    if (node.contains(event.relatedTarget)) return;
    open(false);
    leave();
  });
}

const MARGIN = 8; // px to the edge of the window

/** Move a source to the left as far as the window ends. */
function keepInside(node) {
  const panel = node.querySelector(".source");
  panel.style.setProperty("--shift", "0px");
  const over = panel.getBoundingClientRect().right + MARGIN - document.documentElement.clientWidth;
  if (over > 0) panel.style.setProperty("--shift", `${-over}px`);
}

function fill(node, number, theirs) {
  const value = node.querySelector(".value");
  const [figure, unit] = parts(number);
  if (value.dataset.text !== number.text) {
    value.dataset.text = number.text;
    value.replaceChildren(el("span", { class: "figure" }, figure), ...(unit ? [" ", el("span", { class: "unit" }, unit)] : []));
  }
  value.dataset.value = number.value ?? "";
  say(node.querySelector("dt"), number.label);
  say(node.querySelector(".interval"), interval(number));
  say(node.querySelector(".versus"), theirs === null ? "" : versus(number, theirs));
  source(node.querySelector(".source"), number);
}

/** The figure and its unit apart, so that the figure stands out: "376 thousand", "tok/s". */
function parts({ text, unit }) {
  if (unit && text.endsWith(` ${unit}`)) return [text.slice(0, -unit.length - 1), unit];
  return [text, ""];
}

function interval({ low, high, unit, low_text: lowText, high_text: highText }) {
  const [from, to] = [lowText ?? low, highText ?? high];
  return from === null || from === undefined || to === null || to === undefined ? "" : between(from, to, unit);
}

function source(panel, { source: words, link: address }) {
  const key = `${words}|${address ?? ""}`;
  if (panel.dataset.told === key) return;
  panel.dataset.told = key;
  panel.replaceChildren(el("p", {}, words), ...[link(address, "Where it comes from")].filter(Boolean));
}
