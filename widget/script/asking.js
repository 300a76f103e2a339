/* Asking a question, and drawing the answer as it comes. */

import { Failure, events } from "./transport.js";

const TRIES = 4;
const HISTORY_MESSAGES = 40;

function isForgotten(error) {
  return error.code === "model_not_found" || error.status === 404;
}

export class Asking {
  constructor(chat) {
    this.chat = chat;
    this.control = null;
  }

  stop() {
    this.control?.abort();
  }

  /* Have the newest turn answered. `replaces` names the answer that it takes the place of. */
  async ask(text, replaces = "") {
    const { chat } = this;
    const turn = chat.turns.at(-1);
    const drawn = chat.answer(turn);
    chat.thread.lastChild.replaceWith(drawn.root);
    this.control = new AbortController();
    chat.refresh();
    chat.heard.textContent = chat.words.thinking;
    let due = 0;
    const redraw = () => {
      if (due) return;
      due = requestAnimationFrame(() => {
        due = 0;
        const { thread } = chat;
        const atEnd = thread.scrollHeight - thread.scrollTop - thread.clientHeight < 80;
        drawn.draw();
        if (atEnd) chat.follow();
      });
    };
    try {
      if (chat.options.preview) await this.pretend(turn, redraw);
      else await this.stream(text, replaces, turn, redraw);
    } catch (error) {
      chat.fail(turn, error);
    }
    this.control = null;
    cancelAnimationFrame(due);
    drawn.draw();
    chat.keep();
    chat.refresh();
    chat.follow();
    chat.heard.textContent = turn.note || turn.text.slice(0, 400);
  }

  async stream(text, replaces, turn, redraw) {
    const { chat } = this;
    const response = await this.asked(text, replaces);
    for await (const { name, data } of events(response)) {
      if (name === "start") this.begun(turn, data);
      else if (name === "token") turn.text += data.text;
      else if (name === "blocked") Object.assign(turn, { text: "", note: data.message || chat.words.blocked, state: "blocked" });
      else if (name === "error") throw new Failure(data.code, 500);
      else if (name === "done") {
        if (turn.state === "waiting") turn.state = "done";
        turn.id = data.message_id;
        return;
      }
      redraw();
    }
    throw new Failure("offline", 0);
  }

  begun(turn, data) {
    if (!data.conversation_id) return;
    this.chat.store.set("conversation", data.conversation_id);
    turn.id = data.message_id;
    this.chat.keep();
  }

  /* Return what is answered. Where the server has forgotten the conversation, a new one begins below
     the old; where it has not kept the answer that is to be replaced, the question is asked anew. */
  async asked(text, replaces) {
    const { chat } = this;
    let answer = chat.looks.keeps ? replaces : "";
    for (let tries = TRIES; ; tries -= 1) {
      const question = answer ? { regenerate_message_id: answer } : { message: text };
      const body = { ...question, stream: true, page: location.pathname, ...this.context() };
      try {
        return await chat.transport.ask("chat", body, { signal: this.control.signal });
      } catch (error) {
        if (!tries || !this.recovers(error, answer)) throw error;
        // A stopped answer is kept a moment after it was stopped.
        if (answer && isForgotten(error) && tries > 2) await new Promise((resolve) => { setTimeout(resolve, 400); });
        // Whom the website knows is the same visitor in a new session.
        else if (error.code !== "renewed" || !chat.options.identity) answer = "";
      }
    }
  }

  /* Make ready to ask again where the server has told that things are otherwise; tell whether it has. */
  recovers(error, answer) {
    const { chat } = this;
    if (error.code === "conversation_not_kept") {
      chat.looks.keeps = false;
      chat.store.set("conversation", null);
      return true;
    }
    if (error.code === "history_refused") {
      chat.looks.keeps = true;
      this.divide();
      return true;
    }
    if (error.code === "renewed") {
      if (!chat.options.identity) this.beginAnew();
      return true;
    }
    return isForgotten(error) && (answer !== "" || this.beginAnew());
  }

  /* Return whether there was a conversation to leave. */
  beginAnew() {
    const { chat } = this;
    if (!chat.store.get("conversation")) return false;
    chat.store.set("conversation", null);
    this.divide();
    return true;
  }

  /* Say that the model knows nothing of what stands above. */
  divide() {
    const { chat } = this;
    if (chat.turns.length <= 2) return;
    chat.turns.at(-2).begins = true;
    chat.thread.lastChild.previousSibling.before(chat.divider());
  }

  /* Where the project keeps nothing, the page tells what was said before. */
  context() {
    const { chat } = this;
    if (chat.looks.keeps) return { conversation_id: chat.store.get("conversation") };
    const said = chat.turns.slice(0, -2);
    const history = [];
    said.forEach((answer, at) => {
      const asked = said[at - 1];
      if (answer.role !== "assistant" || asked?.role !== "user" || !answer.text || answer.state === "blocked") return;
      history.push({ role: "user", content: asked.text }, { role: "assistant", content: answer.text });
    });
    return { history: history.slice(-HISTORY_MESSAGES) };
  }

  async pretend(turn, redraw) {
    for (const piece of this.chat.looks.sample.match(/\S+\s*/g)) {
      await new Promise((resolve) => { setTimeout(resolve, 30); });
      this.control.signal.throwIfAborted();
      turn.text += piece;
      redraw();
    }
    turn.state = "done";
  }
}
