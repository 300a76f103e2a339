/* The messages of a conversation, in the shape that templates/inference/message.html gives them. */

import { announce, element, icon } from "./dom.js";
import { badge, delayOf, hint, markMasked, withheld } from "./guarding.js";
import { MarkdownView } from "./markdown.js";

// Waits longer than this are told in the words alone.
const COUNTED_SECONDS = 600;

/** A question. */
export function userMessage(text) {
  return element(
    "article",
    { class: "message message-user", "data-role": "user" },
    element("h2", { class: "visually-hidden" }, "You"),
    element("div", { class: "message-body" }, text),
  );
}

/** Show what guards have done to a question: its text as it was let through, or that it is withheld. */
export function guardQuestion(root, guarding, text) {
  const body = root.querySelector(".message-body");
  if (guarding.outcome === "blocked") {
    body.classList.add("message-gone");
    body.textContent = "Your message was withheld.";
    return;
  }
  if (text !== null) body.textContent = text;
  markMasked(body, guarding.masked);
  const note = badge(guarding) ?? hint(guarding);
  if (note) root.append(note);
}

/** An answer that is coming, or that the page has brought along. */
export class Answer {
  constructor(root) {
    this.root = root;
    this.content = root.querySelector(".message-content");
    this.body = root.querySelector(".message-body");
    this.text = "";
    // Whether another answer to the same question can be asked for.
    this.isRepeatable = false;
    // The question and this answer in the page's memory, where the server keeps nothing.
    this.pair = null;
  }

  /** Start an empty one. */
  static waiting(name) {
    const body = element("div", { class: "message-body" }, thinking());
    const root = element(
      "article",
      { class: "message message-assistant", "data-role": "assistant", "aria-busy": "true" },
      element("span", { class: "person", "aria-hidden": "true" }, icon("sparkles")),
      element("h2", { class: "message-name" }, name),
      element("div", { class: "message-content" }, body),
    );
    return new Answer(root);
  }

  /** Take over one that the server has written as plain text. */
  static settled(root) {
    const answer = new Answer(root);
    answer.text = answer.body.textContent;
    answer.body.removeAttribute("data-markdown");
    answer.body.replaceChildren();
    answer.view = new MarkdownView(answer.body);
    answer.view.render(answer.text);
    markMasked(answer.body, answer.body.dataset.masked?.split(","));
    return answer;
  }

  add(text) {
    this.text += text;
    // Many tokens arrive between two frames; one drawing serves them all.
    this.frame ??= requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.frame = undefined;
    if (!this.view) {
      this.body.replaceChildren();
      this.view = new MarkdownView(this.body);
    }
    this.view.render(this.text);
    this.onDraw?.();
  }

  /** End it: the text stands, the buttons appear. */
  settle({ usage = null, note = "", guarding = null } = {}) {
    if (this.frame) cancelAnimationFrame(this.frame);
    if (this.text) this.draw();
    else this.body.replaceChildren();
    this.root.removeAttribute("aria-busy");
    if (note) this.content.append(element("p", { class: "message-note" }, note));
    markMasked(this.body, guarding?.masked);
    const flag = badge(guarding) ?? hint(guarding);
    if (flag && !this.isWithheld) this.content.append(flag);
    this.content.append(this.tools(usage, guarding));
  }

  /** Take back all that was shown of it: a guard has spoken. */
  withhold(guarding) {
    if (this.frame) cancelAnimationFrame(this.frame);
    this.frame = undefined;
    this.text = "";
    this.isWithheld = true;
    this.view = null;
    this.body.replaceChildren();
    this.body.after(withheld(guarding));
  }

  /** End it with what went wrong, in words, and a way to try again: after so many seconds. */
  fail(words, again, seconds = 0) {
    this.settle();
    // The card has a button of its own for this.
    this.content.querySelector("[data-regenerate]")?.remove();
    const card = element("div", { class: "trouble" }, icon("alert-triangle"), element("div", {}, element("p", {}, words)));
    this.body.after(card);
    if (again) {
      const retry = element("button", { type: "button", class: "btn" }, icon("refresh"), "Try again");
      retry.addEventListener("click", again);
      card.lastElementChild.append(retry);
      if (seconds > 0) countDown(retry, seconds);
    } else if (seconds > 0 && seconds <= COUNTED_SECONDS) {
      const wait = element("p", { class: "quiet small" }, "You can send it again");
      card.lastElementChild.append(wait);
      countDown(wait, seconds);
    }
  }

  tools(usage, guarding) {
    const bar = element("div", { class: "message-tools" });
    if (this.text) bar.append(tool("copy", "Copy answer", "data-copy-message"));
    if (this.isRepeatable) bar.append(tool("refresh", "Regenerate answer", "data-regenerate"));
    if (usage) {
      const toggle = tool("info-circle", "Tokens, cost and time", "data-facts-toggle");
      toggle.setAttribute("aria-expanded", "false");
      bar.append(toggle, facts(usage, guarding));
    }
    return bar;
  }
}

/* Close a button, or whatever tells the time, for so many seconds. Timers are late where a page is not looked at,
   so the clock is asked. */
function countDown(button, seconds) {
  const label = button.lastChild;
  const words = label.textContent;
  const end = performance.now() + seconds * 1000;
  const tick = () => {
    const left = Math.ceil((end - performance.now()) / 1000);
    button.disabled = left > 0;
    label.textContent = left > 0 ? `${words} in ${left} s` : `${words}${button.type ? "" : " now."}`;
    if (left > 0 && button.isConnected) setTimeout(tick, 250);
    else if (button.isConnected) announce("You can try again now.");
  };
  tick();
}

function tool(symbol, label, attribute) {
  return element("button", { type: "button", class: "btn-bare", [attribute]: true, "aria-label": label, title: label }, icon(symbol));
}

function thinking() {
  const dots = [1, 2, 3].map(() => element("i"));
  return element("span", { class: "thinking" }, ...dots, element("span", { class: "thinking-word" }, "Thinking…"));
}

function facts(usage, guarding) {
  const words = [
    `${usage.prompt_tokens} tokens in`,
    `${usage.completion_tokens} out`,
    money(Number(usage.cost)),
    duration(usage.latency_ms),
  ];
  if (usage.first_token_ms !== null && usage.first_token_ms !== undefined) words.push(`first word after ${duration(usage.first_token_ms)}`);
  const delay = delayOf(guarding);
  if (delay) words.push(delay);
  return element("ul", { class: "message-facts", hidden: true }, ...words.map((text) => element("li", {}, text)));
}

function money(amount) {
  const places = amount === 0 || amount >= 1 ? 2 : amount >= 0.001 ? 4 : 6;
  return `$${amount.toFixed(places)}`;
}

function duration(milliseconds) {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}
