// Questions to the server: the newest wins, and whatever goes wrong is told in words.

const LONGEST_S = 60;

export class Trouble extends Error {
  constructor(kind, message, { field = "", again = null } = {}) {
    super(message);
    this.kind = kind; // bad_input, infeasible, busy, server, offline
    this.field = field;
    this.again = again; // seconds after which asking again may help
  }
}

/** The JSON at a path; an abort is the caller's, everything else becomes a Trouble. */
export async function get(path, signal) {
  return answered(() => fetch(path, { signal: limited(signal), headers: { Accept: "application/json" } }), signal);
}

/** Send a file's text and read the answer. */
export async function post(path, text) {
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  return answered(() => fetch(path, { method: "POST", body: text, headers, signal: limited() }));
}

function limited(signal) {
  const limit = AbortSignal.timeout(LONGEST_S * 1000);
  return signal ? AbortSignal.any([signal, limit]) : limit;
}

async function answered(send, signal) {
  let response;
  try {
    response = await send();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw unreachable(error);
  }
  const body = await response.json().catch(() => null);
  if (response.ok && body !== null) return body;
  throw refused(response, body);
}

function unreachable(error) {
  if (error.name === "TimeoutError") {
    return new Trouble("server", `No answer within ${LONGEST_S} seconds. A smaller question may be answered sooner.`);
  }
  if (!navigator.onLine) return new Trouble("offline", "You are offline. What is shown is the last answer; the next comes once you are back.");
  return new Trouble("offline", "The server does not answer. Is `fleetline web` still running?", { again: 3 });
}

function refused(response, body) {
  const told = body?.error;
  if (response.status === 503 || response.status === 429) {
    const again = Number(response.headers.get("Retry-After")) || 2;
    return new Trouble("busy", "The server is busy with costly questions; this one is asked again in a moment.", { again });
  }
  if (told?.message) return new Trouble(told.kind, told.message, { field: told.field ?? "" });
  return new Trouble("server", `The server failed to answer (${response.status}). The fault is its own, not your question's.`);
}
