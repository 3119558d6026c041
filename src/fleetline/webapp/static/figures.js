// Figures: Vega-Lite specifications of the server, drawn once; afterwards an answer only changes their rows.

import { byId, el, say } from "./dom.js";
import { save, table, withTitle } from "./downloads.js";
import { get, Trouble } from "./ask.js";
import { theme } from "./theme.js";
import { LOCALE } from "./words.js";

const specs = new Map(); // name and theme -> promise of a specification
const CONTINUOUS = new Set(["linear", "log", "sqrt", "pow", "symlog", "time", "utc"]);
const AXES = new Set(["x", "y"]);
const ERRORS = 1; // of what Vega says; its warnings are for who writes the figures
const slots = new Map(); // section, side and name -> what is drawn there

/** Draw or update the figures of some answers, one [side, answer] each, into a section. */
export async function show(section, sides) {
  const wanted = new Map();
  for (const name of new Set(sides.flatMap(([, answer]) => answer.figures.map((each) => each.name)))) {
    for (const [side, answer] of sides) {
      const figure = answer.figures.find((each) => each.name === name);
      if (figure) wanted.set(`${section.id}/${side}/${name}`, { figure, side });
    }
  }
  for (const [key, slot] of slots) if (key.startsWith(`${section.id}/`) && !wanted.has(key)) remove(key, slot);
  const drawn = [...wanted].map(([key, { figure, side }]) => slots.get(key) ?? frame(key, figure, side));
  const nodes = drawn.map((slot) => slot.node);
  if (nodes.some((node, index) => section.children[index] !== node)) section.replaceChildren(...nodes);
  section.classList.toggle("two", sides.length > 1);
  await Promise.all([...wanted.values()].map(({ figure }, index) => fill(drawn[index], figure)));
  if (sides.length > 1) await Promise.all([...new Set(drawn.map((slot) => slot.figure.name))].map((name) => align(drawn.filter((slot) => slot.figure.name === name))));
}

/** Take the colours of the present theme. */
export async function recolour() {
  await Promise.all([...slots.values()].map((slot) => fill(slot, slot.figure)));
}

function remove(key, slot) {
  slot.view?.finalize();
  slot.watch.disconnect();
  slot.node.remove();
  slots.delete(key);
}

function frame(key, figure, side) {
  const title = el("h2", {});
  const chart = el("div", { class: "chart", role: "img" });
  const caption = el("p", { class: "caption" });
  const slot = { key, figure, title, chart, caption, view: null, drawn: "" };
  const act = (label, run) => el("button", { type: "button", onclick: () => slot.view && run(slot) }, label);
  const acts = el("div", { class: "acts" }, act("SVG", saveSvg), act("PNG", savePng), act("CSV", saveCsv));
  acts.setAttribute("role", "group");
  slot.acts = acts;
  slot.rows = el("details", { class: "rows", ontoggle: () => tabulate(slot) }, el("summary", {}, "Data"), el("div", { class: "wide", tabindex: "0", role: "region" }));
  slot.node = el("figure", { "data-figure": figure.name }, side ? el("span", { class: "name" }, side) : null, title, chart, el("figcaption", {}, caption, acts, slot.rows));
  slot.node.classList.toggle("a", side === "A");
  slot.watch = new ResizeObserver(() => requestAnimationFrame(() => slot.view && window.dispatchEvent(new Event("resize"))));
  slot.watch.observe(chart);
  slots.set(key, slot);
  return slot;
}

async function fill(slot, figure) {
  slot.figure = figure;
  say(slot.title, figure.title);
  say(slot.caption, figure.caption ?? "");
  slot.chart.setAttribute("aria-label", figure.description ?? figure.title);
  slot.acts.setAttribute("aria-label", `Save the figure: ${figure.title}`);
  slot.rows.querySelector(".wide").setAttribute("aria-label", `Data of the figure: ${figure.title}`);
  slot.filling = (slot.filling ?? Promise.resolve()).then(() => (slot.figure === figure ? drawRows(slot) : null));
  await slot.filling;
  tabulate(slot);
}

async function drawRows(slot) {
  const now = `${slot.figure.name} ${theme()}`;
  if (slot.view === null || slot.drawn !== now) await embed(slot, now);
  else await change(slot);
}

async function embed(slot, now) {
  if (!window.vegaEmbed) throw new Trouble("server", "The library that draws the figures did not load; the numbers stand without it.");
  const spec = structuredClone(await specification(slot.figure.name));
  spec.datasets = { ...spec.datasets, ...slot.figure.data };
  spec.background = colour("--paper");
  slot.view?.finalize();
  const options = { patch: bounded, ast: true, actions: false, renderer: "svg", defaultStyle: false, tooltip: tell, logLevel: ERRORS };
  const result = await window.vegaEmbed(slot.chart, spec, options);
  slot.view = result.view;
  slot.step = spec.usermeta?.step ?? null;
  await stretch(slot);
  slot.chart.firstElementChild.setAttribute("aria-hidden", "true"); // the chart as a whole says what it shows
  slot.drawn = now;
}

async function change(slot) {
  for (const [name, rows] of Object.entries(slot.figure.data)) slot.view.data(name, structuredClone(rows));
  await stretch(slot);
}

/** As high as its rows need, where a figure says so. */
async function stretch(slot) {
  if (slot.step) slot.view.height(slot.step.px * Math.max(1, slot.figure.data[slot.step.of].length));
  await slot.view.runAsync();
}

/** Let the ends of every continuous scale be set from outside, so that two states can be drawn to one scale. */
function bounded(vega) {
  const free = vega.scales?.filter((scale) => CONTINUOUS.has(scale.type) && AXES.has(scale.name) && !Array.isArray(scale.domain)) ?? [];
  for (const scale of free) {
    vega.signals = [...(vega.signals ?? []), { name: `${scale.name}_least`, value: null }, { name: `${scale.name}_most`, value: null }];
    scale.domainMin = { signal: `${scale.name}_least` };
    scale.domainMax = { signal: `${scale.name}_most` };
  }
  return vega;
}

/** Draw the same figure of two states to one scale. */
async function align(pair) {
  const views = pair.map((slot) => slot.view);
  for (const axis of AXES) {
    const free = views.every((view) => `${axis}_least` in view.getState().signals);
    if (views.length < 2 || !free) continue;
    await Promise.all(views.map((view) => view.signal(`${axis}_least`, null).signal(`${axis}_most`, null).runAsync()));
    const ends = views.flatMap((view) => view.scale(axis).domain().map(Number)).filter(Number.isFinite);
    const [least, most] = [Math.min(...ends), Math.max(...ends)];
    await Promise.all(views.map((view) => view.signal(`${axis}_least`, least).signal(`${axis}_most`, most).runAsync()));
  }
}

function specification(name) {
  const key = `${name} ${theme()}`;
  if (!specs.has(key)) {
    const asked = get(`/api/v1/figures/${encodeURIComponent(name)}?theme=${theme()}`);
    asked.catch(() => specs.delete(key));
    specs.set(key, asked);
  }
  return specs.get(key);
}

/** A colour of the page as every renderer understands it. */
function colour(variable) {
  const probe = el("span");
  probe.style.color = `var(${variable})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

/** What a point of a figure says, beside the pointer. */
function tell(handler, event, item, value) {
  const tip = byId("tooltip");
  tip.hidden = !value;
  if (!value) return;
  const lines = typeof value === "object" ? Object.entries(value) : [["", String(value)]];
  tip.replaceChildren(el("table", {}, lines.map(([name, text]) => el("tr", {}, el("th", {}, name), el("td", {}, String(text))))));
  const { width, height } = tip.getBoundingClientRect();
  const left = Math.min(event.clientX + 14, window.innerWidth - width - 8);
  const top = event.clientY + 14 + height > window.innerHeight ? event.clientY - height - 10 : event.clientY + 14;
  tip.style.setProperty("left", `${Math.max(8, left)}px`);
  tip.style.setProperty("top", `${Math.max(8, top)}px`);
}

const rowsOf = (slot) => Object.entries(slot.figure.data).flatMap(([set, rows]) => rows.map((row) => (Object.keys(slot.figure.data).length > 1 ? { set, ...row } : row)));
const fileOf = (slot, ending) => `fleetline-${slot.figure.name}.${ending}`;

async function saveSvg(slot) {
  const drawn = await slot.view.toSVG();
  save(fileOf(slot, "svg"), "image/svg+xml", withTitle(drawn, slot.figure, colour("--paper"), colour("--ink")));
}

async function savePng(slot) {
  const drawn = await slot.view.toCanvas(2);
  const room = 56;
  const paper = Object.assign(document.createElement("canvas"), { width: drawn.width, height: drawn.height + room });
  const pen = paper.getContext("2d");
  pen.fillStyle = colour("--paper");
  pen.fillRect(0, 0, paper.width, paper.height);
  pen.fillStyle = colour("--ink");
  pen.font = "600 28px system-ui, sans-serif";
  pen.fillText(slot.figure.title, 16, 38, paper.width - 32);
  pen.drawImage(drawn, 0, room);
  const blob = await new Promise((done) => paper.toBlob(done, "image/png"));
  save(fileOf(slot, "png"), "image/png", blob);
}

const saveCsv = (slot) => save(fileOf(slot, "csv"), "text/csv", table(rowsOf(slot)));

const MOST = 200; // rows in the page; the file has all

/** The rows behind a figure as a table, made when it is opened. */
function tabulate(slot) {
  if (!slot.rows.open) return;
  const rows = rowsOf(slot);
  const columns = [...new Set(rows.flatMap(Object.keys))];
  const head = el("thead", {}, el("tr", {}, columns.map((column) => el("th", { scope: "col" }, column))));
  const body = el("tbody", {}, rows.slice(0, MOST).map((row) => el("tr", {}, columns.map((column) => cell(row[column])))));
  const more = rows.length > MOST ? [el("p", {}, `${MOST} of ${rows.length} rows; the CSV has all.`)] : [];
  slot.rows.querySelector(".wide").replaceChildren(el("table", {}, head, body), ...more);
}

function cell(value) {
  if (typeof value !== "number") return el("td", {}, value === null || value === undefined ? "" : String(value));
  return el("td", { class: "n" }, Math.abs(value) >= 1e5 || Number.isInteger(value) ? Math.round(value).toLocaleString(LOCALE) : String(Number(value.toPrecision(4))));
}
