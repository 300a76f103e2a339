/* The branding of a team: pickers beside the colours, and a preview of what is not saved yet. The server
   works the colours out, as it does for the pages. */

import { element } from "./lib/dom.js";

const COLOUR = /^#[0-9a-f]{6}$/;
const TYPING_MILLISECONDS = 150;
const PLATFORM_NAME = "RESTai";
const form = document.querySelector("[data-branding]");
const previews = [...document.querySelectorAll("[data-preview]")];
let latest = 0;

function colourOf(name) {
  return form.elements[name].value.trim().toLowerCase();
}

/* A field of text takes "no colour" as well; the picker beside it cannot. */
function addPicker(input) {
  const label = form.querySelector(`label[for="${input.id}"]`).firstChild.textContent.trim();
  const picker = element("input", { type: "color", class: "colour-picker", "aria-label": `Pick the ${label.toLowerCase()}` });
  const row = element("div", { class: "colour-row" });
  input.before(row);
  row.append(picker, input);
  const follow = () => { if (COLOUR.test(colourOf(input.name))) picker.value = colourOf(input.name); };
  picker.addEventListener("input", () => {
    input.value = picker.value;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });
  input.addEventListener("input", follow);
  picker.value = "#0b7a75";
  follow();
}

function showTexts() {
  for (const preview of previews) {
    preview.querySelector("[data-preview-name]").textContent = form.elements.app_name.value.trim() || PLATFORM_NAME;
    const welcome = preview.querySelector("[data-preview-welcome]");
    welcome.textContent = form.elements.welcome_message.value.trim();
    welcome.hidden = !welcome.textContent;
  }
}

function showLogo() {
  const present = form.querySelector(".current-logo img");
  const file = form.elements.logo.files[0];
  const reader = file && new FileReader();
  const show = (source) => {
    for (const image of document.querySelectorAll("[data-preview-logo]")) {
      image.className = `logo logo-own ${file ? "" : present?.className ?? ""}`;
      image.hidden = !source;
      if (source) image.src = source;
    }
  };
  if (reader) {
    reader.addEventListener("load", () => show(reader.result));
    reader.readAsDataURL(file);
  } else {
    show(form.elements.remove_logo?.checked ? "" : present?.src);
  }
}

async function showColours() {
  const given = { primary: colourOf("primary"), secondary: colourOf("secondary") };
  if (Object.values(given).some((colour) => colour && !COLOUR.test(colour))) return;
  const turn = ++latest;
  const answer = await fetch(`${form.dataset.branding}?${new URLSearchParams(given)}`).catch(() => null);
  if (!answer?.ok || turn !== latest) return;
  const { variables, notes } = await answer.json();
  for (const preview of previews) {
    for (const [name, value] of Object.entries(variables)) preview.style.setProperty(name, value);
  }
  for (const list of form.querySelectorAll("[data-notes]")) {
    list.replaceChildren(...notes[list.dataset.notes].map((note) => element("li", {}, note)));
  }
}

let waiting = null;
form.querySelectorAll("[data-colour]").forEach(addPicker);
form.addEventListener("input", (event) => {
  showTexts();
  if (!event.target.matches("[data-colour]")) return;
  clearTimeout(waiting);
  waiting = setTimeout(showColours, TYPING_MILLISECONDS);
});
form.addEventListener("change", showLogo);
document.querySelector("[data-previews]").hidden = false;
showTexts();
showLogo();
showColours();
