// Numbers in words, as the server says them.

const SIZES = [[1e15, "quadrillion"], [1e12, "trillion"], [1e9, "billion"], [1e6, "million"]];
export const LOCALE = "en-GB";

/** Three significant digits, large numbers by name; shares as percentages. */
export function human(value, unit = "") {
  if (typeof value !== "number") return String(value ?? "");
  if (unit === "share") return `${digits(100 * value)}%`;
  const size = SIZES.find(([least]) => Math.abs(value) >= least);
  return size ? `${digits(value / size[0])} ${size[1]}` : digits(value);
}

export const digits = (value) => Number(value.toPrecision(3)).toLocaleString(LOCALE, { maximumSignificantDigits: 3 });

/** An interval from words or numbers; the word of size stands once. */
export function between(low, high, unit = "") {
  const [from, to] = [human(low, unit), human(high, unit)];
  const word = from.split(" ")[1];
  return word && to.endsWith(` ${word}`) ? `${from.split(" ")[0]} – ${to}` : `${from} – ${to}`;
}
