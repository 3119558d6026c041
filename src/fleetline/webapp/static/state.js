// The page's whole state is its address: the view, every value that differs from its default, and the state held beside it.

const OWN = new Set(["view", "against"]);

/** {view, values: {key: text}, against: query or null} of an address's query string. */
export function read(search, views) {
  const given = new URLSearchParams(search);
  const known = views.map((each) => each.view);
  const view = known.includes(given.get("view")) ? given.get("view") : known[0];
  const values = Object.fromEntries([...given].filter(([key]) => !OWN.has(key)));
  return { view, values, against: given.get("against") };
}

/** The query string of these values: what the API is asked, and what the address holds. */
export function query(values, controls) {
  const order = controls.map((control) => control.key);
  const place = (key) => (order.includes(key) ? order.indexOf(key) : order.length);
  const told = new URLSearchParams();
  for (const key of Object.keys(values).sort((a, b) => place(a) - place(b) || a.localeCompare(b))) {
    const control = controls.find((each) => each.key === key);
    if (!control || !isDefault(control, values[key])) told.set(key, values[key]);
  }
  return told.toString();
}

export function address(state, controls) {
  const told = new URLSearchParams({ view: state.view });
  for (const [key, value] of new URLSearchParams(query(state.values, controls))) told.set(key, value);
  if (state.against !== null) told.set("against", state.against);
  return `?${told}`;
}

/** The text of a control's default; empty where it is not set. */
export const defaultOf = (control) => (control.default === null || control.default === undefined ? "" : String(control.default));

export function isDefault(control, text) {
  const usual = defaultOf(control);
  return text === usual || (control.kind === "number" && text !== "" && usual !== "" && Number(text) === Number(usual));
}

/** What a control shows: what was given, else its default. */
export const valueOf = (control, values) => values[control.key] ?? defaultOf(control);
