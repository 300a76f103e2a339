/* What guards have done to a message, in the shape that templates/inference/guarding.html gives it. */

import { element, icon } from "./dom.js";

const UNJUDGED = "A guard could not be asked, so nothing passes. Try again in a moment.";

/** The card in place of what was withheld. */
export function withheld(guarding) {
  const what = guarding.stage === "input" ? "Your message was withheld" : "The answer was withheld";
  const reason = guarding.is_failure ? UNJUDGED : guarding.label;
  return element(
    "div",
    { class: "withheld" },
    icon("shield-check"),
    element("div", {}, element("p", {}, guarding.message), element("p", { class: "quiet small" }, `${what}: ${reason}`)),
  );
}

/** The badge of what passed with a flag, or nothing. */
export function badge(guarding) {
  if (guarding?.outcome !== "warned") return null;
  const words = guarding.is_failure ? "Not judged" : `Flagged: ${guarding.label}`;
  return element("p", { class: "flagged" }, icon("alert-circle"), `${words} (guard “${guarding.guard}”)`);
}

/** The line below a text in which something is masked, or nothing. */
export function hint(guarding) {
  if (!guarding?.masked?.length) return null;
  return element("p", { class: "message-note" }, `Masked by the guard “${guarding.guard}”.`);
}

/** What guards have cost, in words; nothing where none stood there. */
export function delayOf(guarding) {
  if (!guarding) return "";
  return `guards added ${guarding.first_token_delay_ms} ms to the first word, ${guarding.total_delay_ms} ms in all`;
}

/** Mark the `[label]`s that stand where something was masked, in texts alone: not in code, not in links' addresses. */
export function markMasked(root, labels) {
  if (!labels?.length) return;
  const marks = new Set(labels.map((label) => `[${label}]`));
  const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const found = [];
  while (texts.nextNode()) if (!texts.currentNode.parentElement.closest("code, .masked")) found.push(texts.currentNode);
  for (const node of found) {
    const pieces = node.data.split(/(\[[^\][]{1,80}\])/);
    if (!pieces.some((piece) => marks.has(piece))) continue;
    node.replaceWith(...pieces.filter(Boolean).map((piece) => (
      marks.has(piece) ? element("span", { class: "masked", title: "Masked by a guard" }, piece) : piece
    )));
  }
}
