/* Markdown of a model's answer as safe HTML. The model is not trusted: HTML in its text is shown as
   text, the result of the parser is sanitised, and nothing is fetched by itself. */

import { element, icon } from "./dom.js";

const SAFE = {
  ALLOWED_TAGS: [
    "a", "b", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i",
    "input", "li", "ol", "p", "pre", "s", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr", "ul",
  ],
  ALLOWED_ATTR: ["href", "title", "align", "start", "type", "checked", "disabled", "class"],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};
const HIGHLIGHT_MAX_CHARACTERS = 20000;
const KNOWN_CLASS = /^(?:language-[\w+#.-]{1,30}|hljs-[\w -]{1,60}|md-image)$/;

const escape = (text) => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

const parser = new window.marked.Marked({
  gfm: true,
  breaks: true,
  renderer: {
    html: ({ text }) => escape(text),
    // An image becomes a link: loading it by itself would tell a foreign host that it was seen.
    image: ({ href, text }) => `<a href="${escape(href)}" class="md-image">${escape(text || "Image")}</a>`,
  },
});

window.DOMPurify.addHook("afterSanitizeAttributes", (node) => {
  if (node.nodeName === "A") {
    node.setAttribute("target", "_blank");
    node.setAttribute("rel", "noopener noreferrer");
  }
  if (node.nodeName === "INPUT") {
    node.setAttribute("type", "checkbox");
    node.setAttribute("disabled", "");
  }
  if (node.hasAttribute?.("class") && !KNOWN_CLASS.test(node.className)) node.removeAttribute("class");
});

/**
 * Renders text that grows. Blocks that have not changed keep their elements, so that a long answer
 * costs no more than its last paragraph, and a selection in it survives.
 */
export class MarkdownView {
  constructor(container) {
    this.container = container;
    this.blocks = [];
  }

  render(text) {
    const tokens = parser.lexer(text);
    const blocks = tokens.filter((token) => token.type !== "space" && token.type !== "def");
    blocks.forEach((token, at) => {
      const known = this.blocks[at];
      if (known?.raw === token.raw) return;
      const made = element("div", { class: "block" });
      made.append(toFragment(token, tokens.links));
      if (known) known.element.replaceWith(made);
      else this.container.append(made);
      this.blocks[at] = { raw: token.raw, element: made };
    });
    for (const extra of this.blocks.splice(blocks.length)) extra.element.remove();
  }
}

function toFragment(token, links) {
  const html = parser.parser(Object.assign([token], { links }));
  const fragment = window.DOMPurify.sanitize(html, SAFE);
  fragment.querySelectorAll("pre > code").forEach(dressCode);
  fragment.querySelectorAll("table").forEach((table) => {
    const frame = element("div", { class: "md-table", tabindex: "0", role: "region", "aria-label": "Table" });
    table.replaceWith(frame);
    frame.append(table);
  });
  fragment.querySelectorAll("a.md-image").forEach(dressImage);
  fragment.querySelectorAll("input").forEach((box) => {
    box.setAttribute("aria-label", box.checked ? "done" : "not done");
  });
  return fragment;
}

function dressCode(code) {
  const language = /language-(\S+)/.exec(code.className)?.[1] ?? "";
  const text = code.textContent;
  if (text.length <= HIGHLIGHT_MAX_CHARACTERS && window.hljs.getLanguage(language)) {
    // highlight.js escapes what it does not colour; the sanitiser looks at its markup all the same.
    const html = window.hljs.highlight(text, { language, ignoreIllegals: true }).value;
    code.replaceChildren(window.DOMPurify.sanitize(html, { ...SAFE, ALLOWED_TAGS: ["span"], ALLOWED_ATTR: ["class"] }));
  }
  const copy = element("button", { type: "button", class: "btn btn-copy", "data-copy-code": true }, icon("copy"), element("span", {}, "Copy"));
  const frame = element("div", { class: "code" }, element("div", { class: "code-head" }, element("span", {}, language || "text"), copy));
  const pre = code.parentElement;
  pre.replaceWith(frame);
  pre.setAttribute("tabindex", "0");
  pre.setAttribute("role", "region");
  pre.setAttribute("aria-label", `Code, ${language || "text"}`);
  frame.append(pre);
}

function dressImage(link) {
  const name = link.textContent;
  let host = "";
  try {
    host = new URL(link.href).host;
  } catch {
    host = "";
  }
  link.replaceChildren(icon("photo"), element("span", {}, host ? `${name} (open the image on ${host})` : name));
}
