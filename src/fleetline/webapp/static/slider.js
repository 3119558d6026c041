// Where a value stands on a slider of a linear or a logarithmic scale, and back.

export const STEPS = 1000;

/** Place from 0 to STEPS. */
export function place(control, value) {
  const { min, max } = control;
  const share = control.scale === "log" ? Math.log(value / min) / Math.log(max / min) : (value - min) / (max - min);
  return Math.round(STEPS * Math.min(1, Math.max(0, share)));
}

/** The value at a place, as round as the control's steps or three digits make it. */
export function valueAt(control, at) {
  const { min, max, step } = control;
  const share = at / STEPS;
  const value = control.scale === "log" ? min * (max / min) ** share : min + (max - min) * share;
  return String(Math.min(max, Math.max(min, step ? onStep(value, step, min, control.scale) : Number(value.toPrecision(3)))));
}

function onStep(value, step, min, scale) {
  const round = scale === "log" ? Number(value.toPrecision(2)) : value;
  const counted = Math.round((round - (scale === "log" ? 0 : min)) / step) * step + (scale === "log" ? 0 : min);
  return Number(counted.toPrecision(12));
}

/** The next place at which the value is another: a key press always moves something. */
export function nextPlace(control, at, direction) {
  const now = valueAt(control, at);
  let next = at;
  while (next + direction >= 0 && next + direction <= STEPS) {
    next += direction;
    if (valueAt(control, next) !== now) break;
  }
  return next;
}
