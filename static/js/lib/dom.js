/* Small things that every script of the pages shares. */

const SVG = "http://www.w3.org/2000/svg";

/** Make an element: `element("p", { class: "note" }, "text", child)`. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

/** Make an icon of the sprite that the page names. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${document.body.dataset.sprite}#${name}`);
  svg.append(use);
  return svg;
}

/** Say something to screen readers, once. */
export function announce(text) {
  const region = document.getElementById("announcer");
  if (region) region.textContent = text;
}

/** Copy text and show on the button, for a moment, that it worked. */
export async function copyFrom(button, text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    if (!copyBySelection(text)) return toast("Copying is not allowed here; select the text instead.", "error");
  }
  const use = button.querySelector("use");
  const label = button.querySelector("span");
  const before = { icon: use?.getAttribute("href"), label: label?.textContent };
  if (button.dataset.copied !== undefined) return;
  button.dataset.copied = "";
  use?.setAttribute("href", `${document.body.dataset.sprite}#check`);
  if (label) label.textContent = "Copied";
  announce("Copied");
  setTimeout(() => {
    delete button.dataset.copied;
    if (use) use.setAttribute("href", before.icon);
    if (label) label.textContent = before.label;
  }, 1600);
}

/* The clipboard API exists on secure origins only; a plain-http address of the local network is none. */
function copyBySelection(text) {
  const field = element("textarea", { class: "visually-hidden", readonly: true, "aria-hidden": "true" });
  field.value = text;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  return done;
}

/** Show a note in the corner. */
export function toast(text, tone = "success") {
  const note = element(
    "div",
    { class: `toast-note toast-${tone}`, "data-toast": true },
    icon(tone === "error" ? "alert-circle" : "circle-check"),
    element("p", {}, text),
    element("button", { type: "button", class: "btn-bare", "data-dismiss": true, "aria-label": "Dismiss" }, icon("x")),
  );
  document.getElementById("toasts").append(note);
  fade(note);
}

const TOAST_MILLISECONDS = 6000;

/** Take a note away after a while; errors stay until they are dismissed. */
export function fade(note) {
  if (note.classList.contains("toast-error")) return;
  setTimeout(() => note.remove(), TOAST_MILLISECONDS);
}
