/* The chat. Loaded by its page, imported by none. */

import { announce, copyFrom } from "./lib/dom.js";
import { events } from "./lib/event-stream.js";
import { Follower } from "./lib/follow.js";
import { markMasked } from "./lib/guarding.js";
import { Memory } from "./lib/memory.js";
import { Answer, guardQuestion, userMessage } from "./lib/messages.js";

const NO_CONNECTION = "The connection broke off. What has come so far is kept; try again.";
const NO_CONNECTION_UNKEPT = "The connection broke off before the answer was complete. Try again.";
const NOT_UNDERSTOOD = "The server gave an answer that this page does not understand. Reload the page and try again.";
const ANNOUNCED_CHARACTERS = 400;
// Nothing has been taken: a budget or a rate limit is in the way, for as long as the words say.
const REFUSALS = [402, 429];
const LOOKS = 8;
const LOOK_MILLISECONDS = 1200;

class Chat {
  constructor(root) {
    this.root = root;
    this.form = document.getElementById("composer");
    this.input = document.getElementById("composer-text");
    this.send = document.getElementById("send");
    this.stopper = document.getElementById("stop");
    this.messages = document.getElementById("messages");
    this.follower = new Follower(document.getElementById("thread"), document.getElementById("jump"));
    this.answers = new WeakMap();
    this.conversation = root.dataset.conversation || null;
    // Where the server keeps nothing, this page remembers.
    this.memory = root.dataset.unkept === undefined ? null : new Memory();
    this.running = null;
    this.takeOver();
    this.listen();
    this.lookAgain(LOOKS);
  }

  /* After a reload in the middle of an answer, the server keeps what had come a moment later. */
  async lookAgain(looks) {
    if (this.messages.dataset.unanswered === undefined || looks === 0) return;
    await new Promise((resolve) => { setTimeout(resolve, LOOK_MILLISECONDS); });
    const response = await fetch(location.href);
    if (!response.ok || response.redirected || this.running) return;
    const parsed = new DOMParser().parseFromString(await response.text(), "text/html");
    const fresh = parsed.getElementById("messages");
    if (fresh.dataset.unanswered !== undefined) return this.lookAgain(looks - 1);
    delete this.messages.dataset.unanswered;
    this.messages.replaceChildren(...fresh.children);
    this.takeOver();
  }

  /* What the server has written becomes what this script writes. */
  takeOver() {
    for (const body of this.messages.querySelectorAll("[data-markdown]")) {
      const root = body.closest(".message");
      this.answers.set(root, Answer.settled(root));
    }
    for (const body of this.messages.querySelectorAll(".message-user [data-masked]")) markMasked(body, body.dataset.masked.split(","));
    this.follower.jump();
  }

  listen() {
    window.addEventListener("pagehide", () => this.forget());
    this.messages.addEventListener("click", (event) => this.onMessageClick(event));
    if (!this.form) return;
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.submit(); });
    this.input.addEventListener("keydown", (event) => this.onKey(event));
    this.input.addEventListener("input", () => this.refresh());
    this.stopper.addEventListener("click", () => this.stop());
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !document.querySelector("dialog[open], :popover-open")) this.stop();
    });
    for (const starter of document.querySelectorAll("[data-starter]")) {
      starter.addEventListener("click", () => { this.input.value = starter.dataset.starter; this.submit(); });
    }
    this.refresh();
  }

  onKey(event) {
    // While an input method is composing, Enter chooses a word.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.submit();
  }

  onMessageClick(event) {
    const button = event.target.closest("button");
    if (!button) return;
    const root = button.closest(".message");
    if (button.matches("[data-copy-message]")) copyFrom(button, this.answers.get(root).text);
    if (button.matches("[data-copy-code]")) copyFrom(button, button.closest(".code").querySelector("code").textContent);
    if (button.matches("[data-regenerate]")) this.regenerate(root);
    if (button.matches("[data-facts-toggle]")) {
      const open = button.getAttribute("aria-expanded") === "true";
      button.setAttribute("aria-expanded", String(!open));
      button.nextElementSibling.hidden = open;
    }
  }

  refresh() {
    const busy = this.running !== null;
    const hadFocus = [this.send, this.stopper].includes(document.activeElement);
    this.send.hidden = busy;
    this.stopper.hidden = !busy;
    this.send.disabled = this.input.value.trim() === "";
    if (hadFocus) this.input.focus();
    if (!CSS.supports("field-sizing", "content")) {
      this.input.style.height = "auto";
      this.input.style.height = `${this.input.scrollHeight}px`;
    }
  }

  stop() {
    this.running?.abort();
  }

  submit() {
    const text = this.input.value.trim();
    if (!text || this.running) return;
    this.input.value = "";
    this.show();
    this.lockOlder();
    this.messages.querySelector("[data-look-again]")?.remove();
    this.messages.querySelector("[data-refused]")?.remove();
    const question = userMessage(text);
    this.messages.append(question);
    this.ask({ message: text }, question);
  }

  regenerate(root) {
    if (this.running || !this.form) return;
    const body = this.againOf(this.answers.get(root));
    if (!body) return;
    root.remove();
    this.ask(body, null);
  }

  /* What a browser brings back when people return to a page is not to be what was said on it. */
  forget() {
    if (!this.memory) return;
    this.stop();
    this.memory.clear();
    this.messages.replaceChildren();
    this.messages.hidden = true;
    document.getElementById("greeting").hidden = false;
    if (this.input) this.input.value = "";
    announce("");
  }

  show() {
    document.getElementById("greeting").hidden = true;
    this.messages.hidden = false;
  }

  /* Only the newest answer can be regenerated. */
  lockOlder() {
    this.messages.querySelectorAll("[data-regenerate]").forEach((button) => button.remove());
  }

  async ask(body, question) {
    const answer = Answer.waiting(this.root.dataset.name);
    if (this.memory) this.remember(answer, body.message);
    answer.onDraw = () => this.follower.keep();
    this.answers.set(answer.root, answer);
    this.messages.append(answer.root);
    this.follower.jump();
    this.running = new AbortController();
    this.refresh();
    const again = () => { answer.root.remove(); this.ask(this.againOf(answer) ?? body, question); };
    try {
      await this.stream(body, answer, question, again);
    } catch (error) {
      if (error.name === "AbortError") this.stopped(answer);
      else this.failed(answer, this.brokenOff(), again);
    } finally {
      this.running = null;
      this.refresh();
      this.follower.keep();
    }
  }

  remember(answer, question) {
    answer.pair = this.memory.begin(question);
    answer.isRepeatable = true;
  }

  /* Return what asks for another answer to the question of `answer`, which is on its way out; null
     where the server has not taken the question. */
  againOf(answer) {
    if (answer.pair) {
      this.memory.drop(answer.pair);
      return { message: answer.pair.question };
    }
    const id = answer.root.dataset.message;
    return id ? { regenerate_message_id: id } : null;
  }

  contextOf(answer) {
    if (answer.pair) return { history: this.memory.before(answer.pair) };
    return { conversation_id: this.conversation };
  }

  async stream(body, answer, question, again) {
    const response = await fetch(this.root.dataset.endpoint, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        Accept: "text/event-stream",
        "X-CSRFToken": document.body.dataset.csrf,
      },
      body: JSON.stringify({ ...body, ...this.contextOf(answer), stream: true }),
      signal: this.running.signal,
    });
    if (response.status === 401) return this.logIn();
    if (REFUSALS.includes(response.status) && question) return this.refused(answer, await wordsOf(response), question, body, waitOf(response));
    if (!response.ok) return this.failed(answer, await wordsOf(response), again, waitOf(response));
    for await (const { name, data } of events(response)) {
      if (name === "start") this.started(data, answer, question, body);
      else if (name === "token") answer.add(data.text);
      else if (name === "blocked") answer.withhold(data);
      else if (name === "done") return this.finished(answer, data, question);
      else if (name === "error") return this.failed(answer, data.message, again);
    }
    this.failed(answer, this.brokenOff(), again);
  }

  brokenOff() {
    return this.memory ? NO_CONNECTION_UNKEPT : NO_CONNECTION;
  }

  started(data, answer, question, body) {
    if (data.conversation_id === null) return this.startedUnkept(answer, body);
    answer.isRepeatable = true;
    answer.root.dataset.message = data.message_id;
    if (question) question.dataset.message = data.user_message_id;
    if (this.conversation === data.conversation_id) return;
    this.conversation = data.conversation_id;
    history.replaceState(null, "", `${this.root.dataset.base}/${data.conversation_id}`);
    document.title = document.title.replace(/^.*( · )/, () => `${data.title} · `);
    this.refreshHistory();
  }

  /* Where the page was loaded before the project ceased to keep conversations, it learns it here. */
  startedUnkept(answer, body) {
    if (this.memory) return;
    this.memory = new Memory();
    this.remember(answer, body.message);
    document.getElementById("unkept").hidden = false;
  }

  finished(answer, data, question) {
    if (data.question_guarding) this.guardedQuestion(answer, data, question);
    this.settled(answer, { usage: data.usage, guarding: data.guarding });
    if (answer.isWithheld) announce(`Withheld by a guard: ${data.guarding.is_failure ? "it could not be asked" : data.guarding.label}. ${data.guarding.message}`);
    else announce(`Answer complete${flagOf(data)}: ${answer.body.textContent.slice(0, ANNOUNCED_CHARACTERS)}`);
    if (!this.memory) this.refreshHistory();
  }

  /* What a guard took out of a question is not to be remembered either; a withheld one not at all. */
  guardedQuestion(answer, data, question) {
    const asked = data.question_guarding;
    if (question) guardQuestion(question, asked, data.question);
    if (asked.outcome === "blocked") {
      answer.isRepeatable = false;
      if (answer.pair) this.memory.drop(answer.pair);
    } else if (answer.pair && data.question !== null) {
      answer.pair.question = data.question;
    }
  }

  settled(answer, how) {
    if (answer.pair) answer.pair.answer = answer.text;
    answer.settle(how);
  }

  stopped(answer) {
    const note = answer.text ? "Stopped. The answer ends here." : "Stopped before an answer came.";
    this.settled(answer, { note });
    announce(note);
  }

  failed(answer, words, again, seconds = 0) {
    answer.fail(words, again, seconds);
    announce(words);
  }

  /* What was written goes back to where it was written. */
  refused(answer, words, question, body, seconds) {
    if (answer.pair) this.memory.drop(answer.pair);
    question.remove();
    this.input.value ||= body.message;
    answer.root.setAttribute("data-refused", "");
    answer.fail(words, null, seconds);
    announce(words);
  }

  logIn() {
    const next = encodeURIComponent(location.pathname);
    location.assign(`${this.root.dataset.login}?next=${next}`);
  }

  async refreshHistory() {
    const list = document.getElementById("history");
    const answer = await fetch(`${list.dataset.historyUrl}?current=${this.conversation}`);
    if (!answer.ok || answer.redirected) return;
    const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = parsed.getElementById("history");
    if (fresh && !list.querySelector(":popover-open, dialog[open]")) list.replaceWith(document.adoptNode(fresh));
  }
}

/* Return for how many seconds the server asks to wait; 0: not at all. */
function waitOf(response) {
  return Number(response.headers.get("Retry-After")) || 0;
}

/* What screen readers hear beside the answer. */
function flagOf({ guarding, question_guarding: asked }) {
  const flagged = [guarding, asked].find((one) => one?.outcome === "warned");
  if (flagged) return `, flagged: ${flagged.label}`;
  return [guarding, asked].some((one) => one?.masked?.length) ? ", with parts masked by a guard" : "";
}

async function wordsOf(response) {
  try {
    const problem = await response.json();
    return problem.detail || problem.title || NOT_UNDERSTOOD;
  } catch {
    return NOT_UNDERSTOOD;
  }
}

new Chat(document.getElementById("chat"));
