// The controls that /api/v1/controls names: drawn once a view, then only set. Each tells `changed(key, text, moving)`.

import { el, say } from "./dom.js";
import { nextPlace, place, STEPS, valueAt } from "./slider.js";
import { defaultOf, isDefault, valueOf } from "./state.js";
import { between, human } from "./words.js";

const FEW = 4; // options that stand side by side instead of in a list
const SHORT = 34; // letters that fit side by side
const OPEN = 14; // controls in sight before the rest is folded
const NARROW = window.matchMedia("(max-width: 56rem)");

/** Draw a view's controls into a form; returns {set(values), refuse(key, words)}. */
export function draw(form, controls, changed, extras = {}) {
  const drawn = new Map();
  const groups = new Map();
  for (const control of controls) {
    const made = one(control, changed);
    drawn.set(control.key, made);
    const name = control.group ?? "";
    if (!groups.has(name)) groups.set(name, { usual: [], more: [] });
    groups.get(name)[control.advanced ? "more" : "usual"].push(made.node, ...(extras[control.key] ?? []));
  }
  let before = 0;
  form.replaceChildren(
    ...[...groups].map(([name, parts]) => {
      const made = group(name, parts, before);
      before += parts.usual.length;
      return made;
    }),
  );
  return {
    set: (values) => drawn.forEach((made) => made.set(values)),
    understood: (question) => drawn.forEach((made, key) => made.understood?.(question[key])),
    refuse: (key, words) => drawn.forEach((made, name) => made.refuse(name === key ? words : "")),
    add: (key, value, label) => drawn.get(key)?.add?.(value, label),
    has: (key) => drawn.has(key),
  };
}

/** A group folds; on a phone only the first is open, so that the answer is near. */
function group(name, { usual, more }, before) {
  const rest = usual.length && more.length ? [el("details", { class: "more" }, el("summary", {}, "More"), more)] : [];
  const open = usual.length > 0 && (before === 0 || (before < OPEN && !NARROW.matches));
  return el("details", { class: "group", open }, el("summary", {}, name || "Assumptions"), usual.length ? usual : more, rest);
}

const KINDS = { choice, number, toggle, date: plain, text: plain };

function one(control, changed) {
  const id = `control-${control.key.replace(/[^\w-]/g, "-")}`;
  const tell = (text, moving = false) => changed(control.key, text, moving);
  const field = (KINDS[control.kind] ?? plain)(control, id, tell);
  const wrong = el("p", { class: "wrong", id: `${id}-wrong`, hidden: true });
  const back = el("button", { type: "button", class: "back", title: "Back to the usual value", hidden: true }, "↺");
  back.setAttribute("aria-label", `${control.label}: back to the usual value`);
  back.addEventListener("click", () => {
    tell(defaultOf(control));
    field.focus();
  });
  const help = el("p", { class: "hint", id: `${id}-help` }, [control.help, control.source].filter(Boolean).join(" "));
  const head = el("div", { class: "head" }, field.label, back, field.box ?? null);
  const node = el("div", { class: `control ${control.kind}`, "data-key": control.key }, head, field.node, help, wrong);
  const set = (values) => {
    const text = valueOf(control, values);
    field.set(text);
    back.hidden = isDefault(control, text);
    node.classList.toggle("changed", !back.hidden);
    if (!back.hidden) unfold(node);
  };
  const refuse = (words) => {
    wrong.hidden = !words;
    say(wrong, words);
    if (words) unfold(node);
    for (const input of field.inputs()) {
      if (words) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    }
  };
  return { node, set, refuse, add: field.add, understood: field.understood };
}

/** Open what folds a control away. */
function unfold(node) {
  for (let at = node.parentElement; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
}

const described = (id) => `${id}-help ${id}-wrong`;

function choice(control, id, tell) {
  const letters = control.options.reduce((sum, option) => sum + option.label.length + 2, 0);
  const few = control.options.length <= FEW && letters <= SHORT;
  return few ? sideBySide(control, id, tell) : list(control, id, tell);
}

function list(control, id, tell) {
  const options = control.options.map((each) => [each.group ?? "", el("option", { value: String(each.value ?? "") }, each.label)]);
  const select = el("select", { id, name: control.key, "aria-describedby": described(id) });
  for (const name of new Set(options.map(([of]) => of))) {
    const inside = options.filter(([of]) => of === name).map(([, option]) => option);
    select.append(...(name ? [el("optgroup", { label: name }, inside)] : inside));
  }
  select.addEventListener("change", () => tell(select.value));
  const add = (value, label) => {
    const there = [...select.options].find((option) => option.value === value);
    if (!there) select.append(el("option", { value, class: "added" }, label));
    else if (there.className === "added") say(there, label);
  };
  return {
    label: el("label", { for: id }, control.label),
    node: select,
    add,
    set: (text) => {
      // a value of the address that is no option is shown, and the server says what it thinks of it
      if (![...select.options].some((option) => option.value === text)) add(text, text.startsWith("config:") ? "an uploaded model" : text);
      select.value = text;
    },
    focus: () => select.focus(),
    inputs: () => [select],
  };
}

function sideBySide(control, id, tell) {
  const radios = control.options.map((each, index) =>
    el("input", { type: "radio", name: control.key, id: `${id}-${index}`, value: String(each.value ?? ""), onchange: (event) => tell(event.target.value) }),
  );
  const parts = control.options.flatMap((each, index) => [radios[index], el("label", { for: `${id}-${index}` }, each.label)]);
  const named = { class: "beside", role: "radiogroup", "aria-labelledby": `${id}-label`, "aria-describedby": described(id) };
  return {
    label: el("span", { id: `${id}-label`, class: "label" }, control.label),
    node: el("div", named, parts),
    set: (text) => radios.forEach((radio) => (radio.checked = radio.value === text)),
    focus: () => (radios.find((radio) => radio.checked) ?? radios[0]).focus(),
    inputs: () => radios,
  };
}

function number(control, id, tell) {
  const box = el("input", { type: "text", inputmode: "decimal", id, name: control.key, class: "box", "aria-describedby": described(id) });
  box.placeholder = control.placeholder ?? (believed(control) ? "as believed" : control.default === null ? "auto" : "");
  box.addEventListener("change", () => tell(box.value.trim() || defaultOf(control)));
  const unit = control.unit ? el("span", { class: "unit" }, control.unit) : null;
  const label = el("label", { for: id }, control.label);
  const boxed = el("span", { class: "boxed" }, box, unit);
  if (control.min === null || control.max === null || control.min === undefined || control.max === undefined) {
    return { label, box: boxed, node: "", set: (text) => (box.value = text), focus: () => box.focus(), inputs: () => [box] };
  }
  const slider = range(control, id, tell, box);
  const node = el("div", { class: "row" }, el("div", { class: "track" }, band(control), slider.node), boxed, bounds(control));
  const set = (text) => {
    box.value = text;
    slider.set(text);
  };
  // what an empty box stands for, as the server understood it
  const understood = (value) => {
    if (box.value !== "" || typeof value !== "number") return;
    box.placeholder = human(value);
    slider.rest(value);
  };
  return { label, node, set, understood, focus: () => box.focus(), inputs: () => [box] };
}

function range(control, id, tell, box) {
  const node = el("input", { type: "range", min: 0, max: STEPS, step: 1, id: `${id}-slider`, "aria-label": `${control.label}, slider` });
  const words = (text) => (text === "" ? box.placeholder : `${text} ${control.unit ?? ""}`.trim());
  const move = (moving) => {
    const text = valueAt(control, Number(node.value));
    box.value = text;
    node.classList.remove("unset");
    node.setAttribute("aria-valuetext", words(text));
    tell(text, moving);
  };
  node.addEventListener("input", () => move(true));
  node.addEventListener("change", () => move(false));
  node.addEventListener("keydown", (event) => {
    const direction = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (!direction) return;
    event.preventDefault();
    node.value = nextPlace(control, Number(node.value), direction);
    move(false);
  });
  const set = (text) => {
    const middle = middleOf(text);
    node.classList.toggle("unset", middle === null);
    if (document.activeElement !== node || valueAt(control, Number(node.value)) !== text) {
      node.value = middle === null ? restOf(control) : place(control, middle);
    }
    node.setAttribute("aria-valuetext", words(text));
  };
  const rest = (value) => {
    node.value = place(control, value);
    node.setAttribute("aria-valuetext", words(""));
  };
  return { node, set, rest };
}

/** The number of a text, or the middle of an interval `low..high`. */
function middleOf(text) {
  const parts = text.split("..").map(Number);
  if (text === "" || parts.some(Number.isNaN)) return null;
  return parts.length === 2 && parts[0] > 0 ? Math.sqrt(parts[0] * parts[1]) : parts.reduce((a, b) => a + b) / parts.length;
}

const believed = ({ low, high }) => low !== null && low !== undefined && high !== null && high !== undefined;

/** Where the thumb rests while nothing is set: in the middle of what is believed, else of the track. */
const restOf = (control) => (believed(control) ? (place(control, control.low) + place(control, control.high)) / 2 : STEPS / 2);

/** The 90% interval of what is believed, under the slider. */
function band(control) {
  if (!believed(control)) return null;
  const node = el("span", { class: "band", "aria-hidden": "true" });
  node.style.setProperty("--from", place(control, control.low) / STEPS);
  node.style.setProperty("--to", place(control, control.high) / STEPS);
  return node;
}

function bounds(control) {
  if (!believed(control)) return null;
  return el("span", { class: "bounds" }, `believed ${between(control.low_text ?? control.low, control.high_text ?? control.high, control.unit)}`);
}

function plain(control, id, tell) {
  const choices = control.options?.length ? el("datalist", { id: `${id}-options` }, control.options.map((each) => el("option", { value: String(each.value) }, each.label))) : null;
  const box = el("input", { type: control.kind === "date" ? "date" : "text", id, name: control.key, "aria-describedby": described(id), spellcheck: "false" });
  if (choices) box.setAttribute("list", choices.id);
  if (control.placeholder) box.placeholder = control.placeholder;
  for (const side of ["min", "max"]) if (control.kind === "date" && control[side]) box.setAttribute(side, control[side]);
  box.addEventListener("change", () => tell(box.value.trim() || defaultOf(control)));
  return {
    label: el("label", { for: id }, control.label),
    node: el("div", { class: "plain" }, box, choices),
    set: (text) => (box.value = text),
    focus: () => box.focus(),
    inputs: () => [box],
  };
}

function toggle(control, id, tell) {
  const box = el("input", { type: "checkbox", role: "switch", id, name: control.key, "aria-describedby": described(id) });
  box.addEventListener("change", () => tell(String(box.checked)));
  return {
    label: el("label", { for: id }, control.label),
    box,
    node: "",
    set: (text) => (box.checked = text === "true" || text === "1" || text === "True"),
    focus: () => box.focus(),
    inputs: () => [box],
  };
}

const USUAL = "Point at an assumption, or move to it by keyboard, to read what it means.";

/** One line that explains whatever control the reader is at. */
export function explain(form, line) {
  const show = (event) => {
    const control = event.target.closest?.(".control");
    say(line, control?.querySelector(".hint")?.textContent || USUAL);
  };
  say(line, USUAL);
  form.addEventListener("focusin", show);
  form.addEventListener("pointerover", show);
}
