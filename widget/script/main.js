/* The chat itself: a bubble and a panel in a closed shadow tree, which the page can neither read nor
   style. It leaves one global behind, and no cookie. */

import { Asking } from "./asking.js";
import { Earlier, subjectOf } from "./earlier.js";
import { render } from "./markdown.js";
import { Store, element, icon, paintPicture } from "./parts.js";
import { Transport } from "./transport.js";
import { wordsFor } from "./words.js";

const HEX = /^#[0-9a-f]{6}$/;
const SAY = { origin_refused: "refused", key_scope: "refused", invalid_api_key: "refused", not_found: "refused", widget_paused: "paused", widget_day: "budget", budget_exceeded: "budget", offline: "offline", conversation_full: "full", challenge: "busy", rate_limited: "fast" };
const KEPT_TURNS = 100;

class Chat {
  constructor(script, options) {
    this.key = options.key;
    this.options = options;
    this.store = new Store(this.key.slice(3, 19), subjectOf(options.identity));
    this.transport = new Transport(options.base, this.key, this.store, options.identity);
    this.turns = [];
    this.asking = new Asking(this);
    this.earlier = new Earlier(this);
    this.host = document.createElement("div");
    this.host.setAttribute("data-restai-widget", "");
    this.shade = this.host.attachShadow({ mode: "closed" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(options.css);
    this.shade.adoptedStyleSheets = [sheet];
  }

  async start() {
    try {
      this.looks = this.options.preview ?? (await this.transport.config());
    } catch (error) {
      // A page that may not use it shows nothing; whoever builds the page finds the reason here.
      console.warn(`RESTai widget: ${error.detail?.detail ?? error.message}`);
      return;
    }
    const { looks, options } = this;
    for (const name of ["title", "subtitle", "position", "theme", "language", "placeholder", "welcome"]) looks[name] = options[name] || looks[name];
    this.words = wordsFor([looks.language, document.documentElement.lang, ...navigator.languages].filter(Boolean));
    this.wake();
    this.draw();
    this.place();
    addEventListener("pagehide", () => this.keep());
    // A page that the browser brings back as it was does not know what was said on the next.
    addEventListener("pageshow", (event) => { if (event.persisted && !this.running) this.wake(true); });
    if (this.store.get("open") || options.framed || options.open) this.show(false);
  }

  get running() {
    return this.asking.control;
  }

  /* Remember what was said. What was being answered when its page went is not answered here; browsers
     may tell a page that its connection is lost before they leave it. */
  wake(redraws = false) {
    this.store.read();
    this.turns = this.store.get("turns") ?? [];
    for (const turn of this.turns) {
      if (turn.state === "waiting" || turn.cut) Object.assign(turn, { state: "stopped", note: this.words.stopped });
    }
    if (redraws) this.redraw();
  }

  /* The page's own rules do not reach in, but they reach the element that holds us: what it needs
     is said where nothing stands above it. Frameworks that wipe the page find it back again. */
  place() {
    const fixed = { all: "initial", display: "block", position: "fixed", inset: "auto", width: "0", height: "0", "z-index": "2147483647", visibility: "visible", opacity: "1", transform: "none", filter: "none", "pointer-events": "auto", "clip-path": "none" };
    if (this.options.framed) Object.assign(fixed, { inset: "0", width: "100%", height: "100%" });
    for (const [name, value] of Object.entries(fixed)) this.host.style.setProperty(name, value, "important");
    const attach = () => { if (!this.host.isConnected) document.documentElement.append(this.host); };
    attach();
    new MutationObserver(attach).observe(document.documentElement, { childList: true });
    new MutationObserver(() => { if (!this.host.isConnected) attach(); }).observe(document, { childList: true });
  }

  draw() {
    const { looks, words } = this;
    this.bubble = element("button", { class: "bubble", type: "button", "aria-label": words.open, "aria-expanded": "false", onclick: () => this.show() }, icon("chat"));
    this.thread = element("div", { class: "thread", tabindex: "0", role: "region", "aria-label": looks.title });
    this.heard = element("p", { class: "heard", role: "status" });
    this.input = element("textarea", { rows: "1", placeholder: looks.placeholder || words.placeholder, "aria-label": looks.placeholder || words.placeholder, maxlength: String(looks.message_length), oninput: () => this.refresh(), onkeydown: (event) => this.onKey(event), enterkeyhint: "send" });
    this.go = element("button", { class: "go", type: "submit", "aria-label": words.send }, icon("send"));
    this.form = element("form", { class: "composer", onsubmit: (event) => { event.preventDefault(); this.running ? this.asking.stop() : this.submit(); } }, this.input, this.go);
    const tool = (name, label, act, more = "") => element("button", { class: `tool ${more}`, type: "button", "aria-label": label, title: label, onclick: act }, icon(name));
    this.past = tool("earlier", words.earlier, () => this.earlier.toggle(this.past));
    // Whom the website does not know has the one conversation of the tab.
    this.past.hidden = !this.options.identity || !looks.keeps;
    this.past.setAttribute("aria-expanded", "false");
    const mark = looks.avatar || [...looks.title][0] || "";
    const avatar = element("span", { class: "avatar", "aria-hidden": "true" }, mark);
    if (looks.picture) paintPicture(avatar, looks.picture);
    const head = element("header", {}, avatar,
      element("div", { class: "names" }, element("h2", { id: "title", dir: "auto" }, looks.title), ...(looks.subtitle ? [element("p", { dir: "auto" }, looks.subtitle)] : [])),
      this.past, tool("save", words.save, () => this.save()), tool("fresh", words.fresh, () => this.fresh()), tool("shut", words.close, () => this.hide(), "shut"));
    this.panel = element("section", { class: "panel", role: "dialog", "aria-labelledby": "title", hidden: true, onkeydown: (event) => this.onPanelKey(event) }, head, this.thread, this.form, ...this.privacy(), this.heard);
    this.root = element("div", { class: `root ${looks.position} ${this.options.framed ? "framed" : ""}`, dir: words.direction, lang: words.language }, this.bubble, this.panel);
    for (const [theme, { accent, ink }] of Object.entries(looks.colours)) {
      if (HEX.test(accent)) this.root.style.setProperty(`--accent-${theme}`, accent);
      if (HEX.test(ink)) this.root.style.setProperty(`--ink-${theme}`, ink);
    }
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const paint = () => this.root.classList.toggle("dark", looks.theme === "dark" || (looks.theme !== "light" && dark.matches));
    dark.addEventListener("change", paint);
    paint();
    this.shade.append(this.root);
    this.redraw();
    this.refresh();
  }

  privacy() {
    const { privacy, privacy_url: url } = this.looks;
    if (!privacy && !url) return [];
    const link = element("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, this.words.privacy);
    return [element("p", { class: "privacy", dir: "auto" }, privacy, ...(privacy && url ? [" "] : []), ...(url.startsWith("https://") ? [link] : []))];
  }

  show(takesFocus = true) {
    this.panel.hidden = false;
    this.bubble.hidden = true;
    this.bubble.setAttribute("aria-expanded", "true");
    this.store.set("open", true);
    if (takesFocus) this.input.focus();
    this.follow();
    if (this.options.identity && !this.turns.length && !this.recalled) this.recalled = this.earlier.recall();
  }

  hide() {
    this.panel.hidden = true;
    this.bubble.hidden = false;
    this.bubble.setAttribute("aria-expanded", "false");
    this.store.set("open", false);
    this.bubble.focus();
  }

  onPanelKey(event) {
    // What is typed here is not a shortcut of the page.
    event.stopPropagation();
    if (event.key === "Escape" && !this.options.framed) this.running ? this.asking.stop() : this.hide();
    if (event.key === "Tab" && matchMedia("(max-width: 480px)").matches) this.keepFocus(event);
  }

  /* On a phone the panel covers the page, so the page has no focus to give. */
  keepFocus(event) {
    const found = [...this.panel.querySelectorAll("button, a, textarea, input, [tabindex='0']")].filter((one) => !one.disabled && one.offsetParent);
    const edge = event.shiftKey ? found[0] : found.at(-1);
    if (this.shade.activeElement !== edge) return;
    event.preventDefault();
    (event.shiftKey ? found.at(-1) : found[0]).focus();
  }

  onKey(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.submit();
  }

  refresh() {
    const busy = Boolean(this.running);
    this.go.setAttribute("aria-label", busy ? this.words.stop : this.words.send);
    this.go.replaceChildren(icon(busy ? "stop" : "send"));
    this.go.disabled = !busy && !this.input.value.trim();
  }

  keep() {
    this.turns = this.turns.slice(-KEPT_TURNS);
    this.store.set("turns", this.turns);
  }

  redraw() {
    const { looks, words } = this;
    this.earlier.isShown = false;
    this.past.setAttribute("aria-expanded", "false");
    this.thread.replaceChildren();
    const greeting = element("div", { class: "turn answer", dir: "auto" }, element("div"));
    render(greeting.firstChild, looks.welcome || words.welcome);
    this.thread.append(greeting);
    if (!this.turns.length && looks.starters.length) {
      this.thread.append(element("div", { class: "starters" }, ...looks.starters.map((text) => element("button", { type: "button", dir: "auto", onclick: () => this.send(text) }, text))));
    }
    for (const turn of this.turns) {
      if (turn.begins) this.thread.append(this.divider());
      this.thread.append(turn.role === "user" ? this.said(turn) : this.answer(turn).root);
    }
    this.follow();
  }

  said(turn) {
    return element("div", { class: "turn said", dir: "auto" }, element("span", { class: "heard" }, `${this.words.you}: `), turn.text);
  }

  /* An answer as it is drawn: its text, what became of it, and what can be done with it. */
  answer(turn) {
    const body = element("div", { dir: "auto" });
    const foot = element("div");
    const root = element("div", { class: "turn answer" }, body, foot);
    const draw = () => {
      if (turn.text) render(body, turn.text);
      else if (turn.state === "waiting") body.replaceChildren(element("span", { class: "dots", "aria-hidden": "true" }, element("span"), element("span"), element("span")));
      else body.replaceChildren();
      foot.replaceChildren(...this.footOf(turn, draw));
    };
    draw();
    return { root, draw };
  }

  footOf(turn, draw) {
    const { words } = this;
    if (turn.state === "waiting") return [];
    const parts = [];
    if (turn.note) parts.push(element("p", { class: `note ${turn.state === "failed" ? "bad" : ""}` }, turn.note));
    const acts = element("div", { class: "acts" });
    const act = (label, work, pressed = null) => acts.append(element("button", { type: "button", onclick: work, "aria-pressed": pressed }, label));
    if (turn.text && turn.state !== "blocked") act(words.copy, (event) => this.copy(turn, event.currentTarget));
    if (turn === this.turns.at(-1) && (turn.state === "failed" || turn.state === "stopped") && !turn.final) act(words.retry, () => this.retry());
    if (turn.id && turn.state === "done") {
      for (const good of [true, false]) act(good ? words.helpful : words.unhelpful, () => this.judge(turn, good, draw), String(turn.helpful === good));
    }
    if (acts.childElementCount) parts.push(acts);
    if (turn.asks) parts.push(this.whyForm(turn, draw));
    return parts;
  }

  whyForm(turn, draw) {
    const input = element("input", { maxlength: "300", "aria-label": this.words.why, placeholder: this.words.why });
    const send = (event) => {
      event.preventDefault();
      turn.asks = false;
      this.judge(turn, false, draw, input.value);
    };
    return element("form", { class: "ask", onsubmit: send }, input, element("button", { type: "submit" }, this.words.send));
  }

  async judge(turn, helpful, draw, reason = null) {
    turn.helpful = helpful;
    turn.asks = !helpful && reason === null;
    this.keep();
    draw();
    try {
      await this.transport.ask("feedback", { message_id: turn.id, is_helpful: helpful, reason: reason ?? "" });
      if (reason !== null || helpful) this.heard.textContent = this.words.thanks;
    } catch (error) {
      turn.helpful = null;
      draw();
      this.heard.textContent = this.sentence(error);
    }
  }

  async copy(turn, button) {
    try {
      await navigator.clipboard.writeText(turn.text);
      button.textContent = this.heard.textContent = this.words.copied;
    } catch {
      this.heard.textContent = this.words.failed;
    }
  }

  follow() {
    this.thread.scrollTop = this.thread.scrollHeight;
  }

  submit() {
    if (this.running) return;
    const text = this.input.value.trim();
    this.input.value = "";
    this.send(text);
  }

  send(text) {
    if (!text || this.running) return;
    this.turns.push({ role: "user", text });
    this.wait(text);
  }

  /* Ask the newest question again; the answer takes the place of the one before. */
  retry() {
    const [question, answer] = this.turns.slice(-2);
    if (this.running || !answer) return;
    this.turns.pop();
    this.wait(question.text, answer.id);
  }

  wait(text, replaces = "") {
    this.turns.push({ role: "assistant", text: "", state: "waiting" });
    this.keep();
    this.redraw();
    this.asking.ask(text, replaces);
  }

  fail(turn, error) {
    const isStopped = error.name === "AbortError";
    turn.state = isStopped ? "stopped" : "failed";
    turn.note = isStopped ? this.words.stopped : this.sentence(error);
    turn.cut = error.code === "offline";
    turn.final = ["refused", "full"].includes(SAY[error.code]);
  }

  divider() {
    return element("p", { class: "begins" }, this.words.fresh);
  }

  sentence(error) {
    const { words } = this;
    if (error.status === 402) return words.budget;
    const name = SAY[error.code] ?? (error.status === 401 ? "refused" : "failed");
    return words[name].replace("{s}", String(error.seconds || 5));
  }

  fresh() {
    this.asking.stop();
    this.turns = [];
    this.store.set("conversation", null);
    this.keep();
    this.redraw();
    this.input.focus();
  }

  save() {
    const text = this.turns.map((turn) => `${turn.role === "user" ? this.words.you : this.looks.title}:\n${turn.text}\n`).join("\n");
    const address = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
    element("a", { href: address, download: "chat.txt" }).click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  }
}

export function begin(css) {
  const script = document.currentScript;
  const data = script?.dataset ?? {};
  const framed = data.framed !== undefined;
  const key = data.widget || (framed ? location.hash.slice(1) : "");
  const preview = data.preview ? JSON.parse(data.preview) : null;
  if (window.RESTaiWidget || (!preview && !/^wk_[\w-]{43}$/.test(key))) return;
  const chosen = (name, values) => (values.includes(data[name]) ? data[name] : "");
  const options = {
    base: new URL(script.src).origin, key: key || "wk_", css, framed, preview, identity: data.visitor || "", open: data.open !== undefined,
    title: data.title, subtitle: data.subtitle, placeholder: data.placeholder, welcome: data.welcome, language: data.language,
    position: chosen("position", ["left", "right"]), theme: chosen("theme", ["light", "dark", "auto"]),
  };
  const chat = new Chat(script, options);
  Object.defineProperty(window, "RESTaiWidget", { value: Object.freeze({ open: () => chat.panel && chat.show(), close: () => chat.panel && chat.hide() }) });
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => chat.start());
  else chat.start();
}
