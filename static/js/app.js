/* The frame: menus, dialogs, palette, theme, notes. Loaded by every page, imported by none. */

import { copyFrom, fade } from "./lib/dom.js";
import { setUpDialogs } from "./lib/dialogs.js";
import { setUpForms } from "./lib/forms.js";
import { setUpMenus } from "./lib/menus.js";
import { setUpPalette } from "./lib/palette.js";
import { setUpTheme } from "./lib/theme.js";

setUpMenus();
setUpDialogs();
setUpPalette();
setUpTheme();
setUpForms();

document.querySelectorAll("[data-toast]").forEach(fade);
document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

document.addEventListener("click", (event) => {
  const copy = event.target.closest?.("[data-copy]");
  if (copy) copyFrom(copy, document.getElementById(copy.dataset.copy).textContent);
  event.target.closest?.("[data-dismiss]")?.closest("[data-toast]").remove();
});

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches?.("input, textarea, select, [contenteditable]");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const search = document.getElementById("site-search");
  if (!search) return;
  event.preventDefault();
  search.focus();
});
