/* The turns of a chat that nobody keeps: in this page's memory and nowhere else. */

// What the server takes of a history (inference/bodies.py), and what surely fits into a request.
const TURNS = 200;
const TURN_CHARACTERS = 100_000;
const CHARACTERS = 500_000;

export class Memory {
  #pairs = [];

  /** Take in a question; return the pair that its answer belongs to. */
  begin(question) {
    const pair = { question, answer: "" };
    this.#pairs.push(pair);
    return pair;
  }

  get last() {
    return this.#pairs.at(-1);
  }

  drop(pair) {
    this.#pairs = this.#pairs.filter((other) => other !== pair);
  }

  clear() {
    this.#pairs = [];
  }

  /** Return the newest turns before `pair`, oldest first, as many as the server takes. */
  before(pair) {
    const turns = this.#pairs.slice(0, this.#pairs.indexOf(pair)).flatMap(turnsOf);
    const kept = [];
    let left = CHARACTERS;
    for (const turn of turns.slice(-TURNS).reverse()) {
      left -= turn.content.length;
      if (left < 0) break;
      kept.unshift(turn);
    }
    return kept;
  }
}

function turnsOf({ question, answer }) {
  return [turn("user", question), turn("assistant", answer)].filter(({ content }) => content.trim());
}

function turn(role, text) {
  return { role, content: clean(text.slice(-TURN_CHARACTERS)) };
}

/* The server refuses the NUL character, and halves of characters, which a cut may leave. */
function clean(text) {
  const whole = text.replaceAll("\0", "");
  return whole.toWellFormed ? whole.toWellFormed() : whole;
}
