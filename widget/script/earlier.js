/* What a known visitor has said before, here or on another device. */

import { element } from "./parts.js";

const STATES = { complete: "done", blocked: "blocked" };

/* Return whom a signed token is about. Nothing is proven by that: the server checks it. */
export function subjectOf(token) {
  try {
    return String(JSON.parse(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"))).sub);
  } catch {
    return "";
  }
}

export class Earlier {
  constructor(chat) {
    this.chat = chat;
    this.isShown = false;
  }

  async ask(what, body = {}) {
    const { transport } = this.chat;
    try {
      return await (await transport.ask(what, body)).json();
    } catch (error) {
      if (error.code !== "renewed") throw error;
      // The session was over; the new one belongs to the same visitor.
      return (await transport.ask(what, body)).json();
    }
  }

  /* A visitor whom the website knows goes on where they were. */
  async recall() {
    const { chat } = this;
    try {
      const { conversations } = await this.ask("conversations");
      if (conversations.length && !chat.turns.length) await this.take(conversations[0].id, () => !chat.turns.length);
    } catch {
      // What was said before is a comfort: without it the chat begins anew.
    }
  }

  async take(id, stillFits = () => true) {
    const { chat } = this;
    const { messages } = await this.ask("conversation", { conversation_id: id });
    if (!stillFits()) return;
    chat.store.set("conversation", id);
    chat.turns = messages.map((one) => ({ role: one.role, text: one.content, id: one.id, state: STATES[one.status] ?? "stopped" }));
    // The answer was never given, or is not kept yet.
    if (chat.turns.at(-1)?.role === "user") chat.turns.push({ role: "assistant", text: "", state: "stopped", note: chat.words.stopped });
    chat.keep();
    chat.redraw();
  }

  /* Show the list in place of the conversation, and that again. */
  async toggle(button) {
    const { chat } = this;
    if (chat.running) return;
    if (this.isShown) return void chat.redraw();
    try {
      const { conversations } = await this.ask("conversations");
      if (!chat.running) this.draw(conversations);
      button.setAttribute("aria-expanded", String(this.isShown));
    } catch (error) {
      chat.heard.textContent = chat.sentence(error);
    }
  }

  draw(conversations) {
    const { chat } = this;
    const when = new Intl.DateTimeFormat(chat.words.language, { dateStyle: "medium", timeStyle: "short" });
    const line = ({ id, title, updated_at: at }) => element("li", {}, element("button", { type: "button", onclick: () => this.choose(id) },
      element("span", { dir: "auto" }, title), element("time", { datetime: at }, when.format(new Date(at)))));
    const list = conversations.length ? element("ul", {}, ...conversations.map(line)) : element("p", {}, chat.words.none);
    chat.thread.replaceChildren(element("div", { class: "earlier" }, element("h3", {}, chat.words.earlier), list));
    chat.thread.scrollTop = 0;
    this.isShown = true;
    (list.querySelector("button") ?? chat.thread).focus();
  }

  async choose(id) {
    const { chat } = this;
    try {
      await this.take(id, () => !chat.running);
      chat.input.focus();
    } catch (error) {
      chat.heard.textContent = chat.sentence(error);
    }
  }
}
