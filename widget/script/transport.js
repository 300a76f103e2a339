/* Talking to the server: one place knows the addresses, the key, and the visitor's session. */

export class Failure extends Error {
  constructor(code, status, seconds = 0, detail = {}) {
    super(code);
    Object.assign(this, { code, status, seconds, detail });
  }
}

function lost(error) {
  throw error.name === "AbortError" ? error : new Failure("offline", 0);
}

const encoder = new TextEncoder();

/* Find a number with which the hash of the text begins with so many zero bits. */
async function work(text, bits) {
  for (let number = 0; ; number += 1) {
    const digest = new DataView(await crypto.subtle.digest("SHA-256", encoder.encode(text + number)));
    if (digest.getUint32(0) >>> (32 - bits) === 0) return String(number);
  }
}

export class Transport {
  constructor(base, key, store, identity) {
    this.base = base;
    this.key = key;
    this.store = store;
    this.identity = identity;
  }

  get id() {
    return this.key.slice(3, 19);
  }

  async post(what, body, { session = true, signal } = {}) {
    const headers = { Authorization: `Bearer ${this.key}`, "Content-Type": "application/json" };
    if (session) headers["X-Widget-Session"] = this.store.get("token") ?? "";
    let response;
    try {
      response = await fetch(`${this.base}/widget/${this.id}/${what}`, {
        method: "POST", headers, body: JSON.stringify(body), signal, credentials: "omit", referrerPolicy: "no-referrer", cache: "no-store",
      });
    } catch (error) {
      lost(error);
    }
    if (response.ok) return response;
    const detail = await response.json().catch(() => ({}));
    throw new Failure(detail.code ?? "error", response.status, Number(response.headers.get("Retry-After")) || 0, detail);
  }

  async config() {
    return (await this.post("config", {}, { session: false })).json();
  }

  /* Begin a session of the visitor; where the widget asks for work, do it first. */
  async begin(proof = {}) {
    try {
      const begun = await (await this.post("session", { ...this.who, ...proof }, { session: false })).json();
      this.store.set("token", begun.token);
      return begun;
    } catch (error) {
      if (error.code !== "challenge" || proof.work) throw error;
      const { challenge, bits } = error.detail;
      return this.begin({ challenge, work: await work(challenge, Number(bits)) });
    }
  }

  get who() {
    return this.identity ? { identity: this.identity } : {};
  }

  /* Ask with a session; where that is over, with a new one. */
  async ask(what, body, options) {
    if (!this.store.get("token")) await this.begin();
    try {
      return await this.post(what, { ...body, ...this.who }, options);
    } catch (error) {
      if (error.code !== "session_ended") throw error;
      this.store.set("token", null);
      await this.begin();
      throw new Failure("renewed", 401);
    }
  }
}

/* Yield the events of an answer as they come. */
export async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read().catch(lost);
    if (done) return;
    rest += value;
    const parts = rest.split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const fields = Object.fromEntries(part.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]));
      if (fields.data) yield { name: fields.event ?? "message", data: JSON.parse(fields.data) };
    }
  }
}
