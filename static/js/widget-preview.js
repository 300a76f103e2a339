/* The page of a widget: its chat beside the form, as the form has it. Nothing is saved by it. */

const TYPING_MILLISECONDS = 350;
const LOOKS = ["title", "subtitle", "avatar", "accent", "position", "theme", "language", "welcome_message", "starters", "placeholder", "privacy_note", "privacy_url"];
const form = document.querySelector("[data-widget-preview]");
const frame = document.querySelector("[data-preview-frame]");
let waiting = 0;

function show() {
  const values = new URLSearchParams();
  for (const name of LOOKS) values.set(name, form.elements[name].value);
  frame.src = `${form.dataset.widgetPreview}?${values}`;
}

if (form && frame) {
  document.querySelector("[data-preview-pane]").hidden = false;
  form.addEventListener("input", (event) => {
    if (!LOOKS.includes(event.target.name)) return;
    clearTimeout(waiting);
    waiting = setTimeout(show, TYPING_MILLISECONDS);
  });
  show();
}
