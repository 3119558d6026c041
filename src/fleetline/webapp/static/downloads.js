// Files made in the browser from what is shown.

import { el } from "./dom.js";

const SETTLE_MS = 10_000; // a browser has begun to save a file by then

export function save(name, kind, content) {
  const address = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type: `${kind};charset=utf-8` }));
  const anchor = el("a", { href: address, download: name });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
  setTimeout(() => URL.revokeObjectURL(address), SETTLE_MS);
}

/** Rows as CSV (RFC 4180); columns in order of first mention. */
export function table(rows) {
  const columns = [...new Set(rows.flatMap(Object.keys))];
  return [columns, ...rows.map((row) => columns.map((column) => row[column]))].map((line) => line.map(cell).join(",")).join("\r\n") + "\r\n";
}

function cell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  const safe = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text; // a sheet must not run it
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** The numbers of one or two answers as rows; one column says of which state they are, if there are two. */
export function numbersOf(sides) {
  return sides.flatMap(([side, answer]) =>
    answer.numbers.map(({ key, label, value, unit, text, low, high, source, link }) => ({
      ...(sides.length > 1 ? { state: side } : {}),
      key, label, value, unit, low: low ?? null, high: high ?? null, text, source, link: link ?? null,
    })),
  );
}

const ROOM = 30;
const SPACE = "http://www.w3.org/2000/svg";

/** A drawn figure with its title above it, and the page's address in its description. */
export function withTitle(svg, figure, paper, ink) {
  const inner = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
  const [width, height] = ["width", "height"].map((side) => Number.parseFloat(inner.getAttribute(side)));
  const made = (tag, given, text) => {
    const node = document.createElementNS(SPACE, tag);
    for (const [name, value] of Object.entries(given)) node.setAttribute(name, value);
    if (text) node.textContent = text;
    return node;
  };
  const outer = made("svg", { width, height: height + ROOM, viewBox: `0 0 ${width} ${height + ROOM}` });
  inner.setAttribute("y", ROOM);
  const heading = { x: 8, y: 21, fill: ink, "font-family": "system-ui, sans-serif", "font-size": 14, "font-weight": 600 };
  const long = figure.title.length * 7.2 > width - 16 ? { textLength: width - 16, lengthAdjust: "spacingAndGlyphs" } : {};
  outer.append(
    made("title", {}, figure.title),
    made("desc", {}, [figure.caption, figure.description, location.href].filter(Boolean).join(" ")),
    made("rect", { width: "100%", height: "100%", fill: paper }),
    made("text", { ...heading, ...long }, figure.title),
    inner,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(outer)}`;
}
