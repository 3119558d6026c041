// Elements from words: the page is built without templates, so that nothing in an answer is ever read as HTML.

/** An element; `on...` are listeners, booleans properties, all else attributes. */
export function el(tag, given = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

export const byId = (id) => document.getElementById(id);

/** Change a node's words only where they differ: no flicker, and no selection lost. */
export function say(node, words) {
  if (node.textContent !== words) node.textContent = words;
}

/** A link if the address is one of the web, else nothing. */
export function link(address, words) {
  if (!/^https?:\/\//.test(address ?? "")) return null;
  return el("a", { href: address, rel: "noreferrer noopener", target: "_blank" }, words);
}
