// The page: what is asked stands in the address, what is answered stands below it.

import { get, Trouble } from "./ask.js";
import * as compare from "./compare.js";
import * as controls from "./controls.js";
import { byId, el, say } from "./dom.js";
import * as downloads from "./downloads.js";
import * as figures from "./figures.js";
import * as numbers from "./numbers.js";
import { address, isDefault, query, read } from "./state.js";
import * as status from "./status.js";
import * as theme from "./theme.js";
import * as upload from "./upload.js";

const LABELS = { deployment: "One deployment", world: "The world", accuracy: "How good is it" };
const FURTHER = { deployment: "frontier" }; // costly, so asked for once the numbers stand
const PACE_MS = 80; // between two questions while a slider moves
const PAUSE_MS = 100; // of rest before a costly question
const SAME_MOVE_MS = 1000; // moves of one control within this time are one step of the history
const KEPT = 60; // answers

const page = { views: [], state: null, drawn: null, form: null, shown: [], further: [], left: new Map() };
const answers = new Map(); // path -> answer
const moved = { key: null, at: 0 };
let asking = new AbortController();
let pace = null;
let last = 0;
let retry = null;

const view = () => page.views.find((each) => each.view === page.state.view);
const live = () => query(page.state.values, view().controls);
const valuesOf = (text) => Object.fromEntries(new URLSearchParams(text));

async function start() {
  theme.watch(() => figures.recolour());
  controls.explain(byId("controls"), byId("help"));
  try {
    const told = await get("/api/v1/controls");
    const later = Object.values(FURTHER);
    page.views = (told.views ?? told).filter((each) => !later.includes(each.view)).map((each) => ({ label: LABELS[each.view] ?? each.view, ...each }));
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    say(byId("question"), "fleetline");
    status.trouble(error, () => location.reload());
    return;
  }
  page.state = read(location.search, page.views);
  wire();
  render();
}

function wire() {
  byId("views").replaceChildren(...page.views.map((each) => el("a", { href: `?view=${each.view}`, "data-view": each.view, onclick: visit }, each.label)));
  byId("controls").addEventListener("submit", (event) => event.preventDefault());
  byId("reset").addEventListener("click", () => go({ ...page.state, values: {} }));
  byId("compare").addEventListener("click", () => go({ ...page.state, against: page.state.against === null ? live() : null }));
  byId("copy").addEventListener("click", copy);
  byId("numbers-csv").addEventListener("click", () => downloads.save(`fleetline-${page.state.view}.csv`, "text/csv", downloads.table(downloads.numbersOf(page.shown))));
  byId("answer-json").addEventListener("click", () => downloads.save(`fleetline-${page.state.view}.json`, "application/json", JSON.stringify(everything(), null, 1)));
  window.addEventListener("popstate", () => {
    page.state = read(location.search, page.views);
    moved.key = null;
    render();
  });
  window.addEventListener("online", ask);
}

/** Go to another view, and find it as it was left. */
function visit(event) {
  if (event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  const next = event.currentTarget.dataset.view;
  if (next === page.state.view) return;
  page.left.set(page.state.view, page.state);
  go(page.left.get(next) ?? { view: next, values: {}, against: null });
}

/** Take a state, write it into the address, and show it. */
function go(state, { replace = false } = {}) {
  page.state = state;
  const next = address(state, view().controls);
  if (next !== location.search) history[replace ? "replaceState" : "pushState"](null, "", next);
  render();
}

function changed(key, text, moving) {
  const control = view().controls.find((each) => each.key === key);
  const values = { ...page.state.values, [key]: text };
  if (isDefault(control, text)) delete values[key];
  page.state = { ...page.state, values };
  if (moving) {
    mark();
    soon();
    return;
  }
  const now = Date.now();
  const replace = moved.key === key && now - moved.at < SAME_MOVE_MS;
  Object.assign(moved, { key, at: now });
  go(page.state, { replace });
}

function render() {
  const { state } = page;
  if (page.drawn !== state.view) drawView();
  page.form.set(state.values);
  mark();
  byId("compare").setAttribute("aria-pressed", String(state.against !== null));
  say(byId("compare"), state.against === null ? "Compare" : "Comparing");
  for (const anchor of byId("views").children) {
    if (anchor.dataset.view === state.view) anchor.setAttribute("aria-current", "page");
    else anchor.removeAttribute("aria-current");
    const left = anchor.dataset.view === state.view ? state : page.left.get(anchor.dataset.view);
    if (left) anchor.href = address(left, page.views.find((each) => each.view === left.view).controls);
  }
  soon();
}

function drawView() {
  page.drawn = page.state.view;
  const mine = view();
  const extras = mine.controls.some((control) => control.key === "model") ? { model: [upload.make(uploaded)] } : {};
  page.form = controls.draw(byId("controls"), mine.controls, changed, extras);
  document.querySelector(".page").classList.toggle("alone", mine.controls.length === 0);
  say(byId("question"), mine.label);
  say(byId("headline"), "");
  document.title = `${mine.label} – fleetline`;
  for (const name of ["numbers", "notes"]) byId(name).replaceChildren();
  delete byId("numbers").dataset.shape;
  byId("figures").replaceChildren(...["figures-first", "figures-further"].map((id) => el("div", { id, class: "figures" })));
  page.shown = page.further = [];
}

/** What differs from the usual: the button that undoes it, and the bar of two states. */
function mark() {
  const { state } = page;
  byId("reset").hidden = live() === "";
  byId("states").hidden = state.against === null;
  if (state.against === null) return;
  const swap = () => go({ ...state, values: valuesOf(state.against), against: live() });
  const drop = () => {
    go({ ...page.state, against: null });
    byId("compare").focus();
  };
  byId("states").replaceChildren(...compare.bar(view().controls, valuesOf(state.against), page.state.values, { swap, drop }));
}

function uploaded(model, name) {
  page.form.add("model", model, `${name} (uploaded)`);
  go({ ...page.state, values: { ...page.state.values, model } });
}

/** Ask now, or as soon as the pace allows; the newest question is the one that is asked. */
function soon() {
  byId("answer").dataset.settled = "no"; // until the newest answer is drawn
  clearTimeout(pace);
  const rest = PACE_MS - (Date.now() - last);
  if (rest <= 0) ask();
  else pace = setTimeout(ask, rest);
}

async function ask() {
  byId("answer").dataset.settled = "no";
  last = Date.now();
  clearTimeout(pace);
  clearTimeout(retry);
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  status.busy();
  try {
    page.shown = await both(page.state.view, signal);
    status.ready();
    showNumbers();
    await figures.show(byId("figures-first"), drawable(page.shown));
    await further(signal);
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof Trouble)) throw error;
    refused(error);
  } finally {
    if (!signal.aborted) byId("answer").dataset.settled = "yes";
  }
}

/** The answers of the states shown: [["", live]], or [["A", pinned], ["B", live]]. */
async function both(name, signal) {
  const { against } = page.state;
  if (against === null) return [["", await answer(name, live(), signal)]];
  const [a, b] = await Promise.all([answer(name, against, signal), answer(name, live(), signal)]);
  return [["A", a], ["B", b]];
}

async function answer(name, asked, signal) {
  const path = `/api/v1/views/${name}${asked ? `?${asked}` : ""}`;
  const found = answers.get(path) ?? (await get(path, signal));
  answers.delete(path); // the newest stand last
  answers.set(path, found);
  if (answers.size > KEPT) answers.delete(answers.keys().next().value);
  return found;
}

async function further(signal) {
  const name = FURTHER[page.state.view];
  if (!name) return;
  const section = byId("figures-further");
  section.classList.add("late");
  await new Promise((done) => setTimeout(done, PAUSE_MS));
  if (signal.aborted) return;
  page.further = await both(name, signal);
  await figures.show(section, drawable(page.further));
  section.classList.remove("late");
}

const drawable = (sides) => sides.map(([side, told]) => [side, { ...told, figures: told.figures ?? [] }]);

function showNumbers() {
  const current = page.shown.at(-1)[1];
  const pinned = page.shown.length > 1 ? page.shown[0][1] : null;
  page.form.refuse("", "");
  page.form.understood(current.question ?? {});
  say(byId("headline"), current.headline ?? "");
  document.title = `${current.headline || view().label} – fleetline`;
  numbers.show(byId("numbers"), current, pinned);
  status.infeasible(page.shown);
  byId("notes").replaceChildren(...(current.feasible && current.notes?.length ? [el("ul", {}, current.notes.map((words) => el("li", {}, words)))] : []));
  if (current.question?.model_name) page.form.add("model", current.question.model, `${current.question.model_name} (uploaded)`);
  glance(current);
  const told = current.numbers.slice(0, 3).map((each) => `${each.label}: ${each.text}`);
  status.announce([current.feasible ? current.headline : `Not feasible: ${current.reason}`, ...told].join(". "));
}

/** On a phone the first numbers stay in sight while a slider moves. */
function glance(current) {
  const chosen = current.numbers.filter((each) => each.primary);
  const few = (chosen.length ? chosen : current.numbers).slice(0, 3);
  byId("glance").hidden = !few.length;
  byId("glance").replaceChildren(...few.map((each) => el("div", {}, el("span", {}, each.label), el("b", {}, each.text))));
}

function refused(error) {
  page.form.refuse(error.field, error.message);
  status.trouble(error, ask);
  if (error.again && !document.hidden) retry = setTimeout(ask, error.again * 1000);
}

function everything() {
  const told = Object.fromEntries(page.shown.map(([side, found]) => [side || "answer", found]));
  const more = Object.fromEntries(page.further.map(([side, found]) => [side || "answer", found]));
  return { address: location.href, [page.state.view]: told, ...(page.further.length ? { [FURTHER[page.state.view]]: more } : {}) };
}

async function copy() {
  const button = byId("copy");
  try {
    await navigator.clipboard.writeText(location.href);
    say(button, "Copied");
  } catch {
    window.prompt("The address of this state", location.href); // no clipboard outside of https and localhost
  }
  setTimeout(() => say(button, "Copy link"), 2000);
}

start();
