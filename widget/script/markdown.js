/* Markdown to DOM nodes. No text of a model is ever parsed as HTML: each node is made by its name,
   each text is a text node, and the two attributes that exist (href, and start of lists) are checked. */

const SAFE_LINK = /^(?:https?:\/\/|mailto:)[^\s\u0000-\u001f\u007f]+$/i;
const MAX_DEPTH = 8;

function node(name, ...children) {
  const made = document.createElement(name);
  made.append(...children);
  return made;
}

/* Return the address if it may be a link, or "". What the browser would read in another way is none. */
function safeLink(address) {
  if (!SAFE_LINK.test(address)) return "";
  try {
    const { protocol, href } = new URL(address);
    return ["http:", "https:", "mailto:"].includes(protocol) ? href : "";
  } catch {
    return "";
  }
}

function link(label, address) {
  const href = safeLink(address);
  if (!href) return label;
  const made = node("a", ...label);
  made.setAttribute("href", href);
  made.setAttribute("rel", "noopener nofollow noreferrer");
  made.setAttribute("target", "_blank");
  return [made];
}

const INLINE = /(`+)([^]*?[^`])\1(?!`)|(!?)\[((?:[^\[\]\\]|\\.|\[[^\[\]]*\])*)\]\(\s*<?([^\s<>()]*(?:\([^\s()]*\)[^\s<>()]*)*)>?(?:\s+(?:"[^"]*"|'[^']*'))?\s*\)|\*\*(?=\S)([^]+?\S?)\*\*(?!\*)|__(?=\S)([^]+?\S?)__(?!\w)|\*(?=[^\s*])([^*]+?)\*(?!\*)|(?<!\w)_(?=[^\s_])([^_]+?)_(?!\w)|~~(?=\S)([^]+?)~~|\b(https?:\/\/[^\s<>()[\]"'`]+[^\s<>()[\]"'`.,;:!?])|\\([!-/:-@[-`{-~])/;

/* Return the nodes of a line of text. */
function inline(text, depth = 0) {
  const found = [];
  let rest = text;
  while (rest) {
    const match = depth < MAX_DEPTH ? INLINE.exec(rest) : null;
    if (!match) {
      found.push(rest);
      break;
    }
    if (match.index) found.push(rest.slice(0, match.index));
    rest = rest.slice(match.index + match[0].length);
    const [, , code, image, label, address, strong, strong2, em, em2, gone, bare, escaped] = match;
    if (code !== undefined) found.push(node("code", code.replace(/\n/g, " ").trim() || code));
    else if (label !== undefined) {
      // An image is not loaded: its words are a link to it.
      const words = inline(label || (image ? address : ""), depth + 1);
      found.push(...link(words, address));
    } else if (strong ?? strong2) found.push(node("strong", ...inline(strong ?? strong2, depth + 1)));
    else if (em ?? em2) found.push(node("em", ...inline(em ?? em2, depth + 1)));
    else if (gone) found.push(node("s", ...inline(gone, depth + 1)));
    else if (bare) found.push(...link([bare], bare));
    else if (escaped) found.push(escaped);
    else found.push(match[0]);
  }
  return found;
}

function lines(texts) {
  return texts.flatMap((text, at) => (at ? [node("br"), ...inline(text)] : inline(text)));
}

const FENCE = /^ {0,3}(```+|~~~+)\s*[^`]*$/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const RULE = /^ {0,3}(?:-{3,}|\*{3,}|_{3,})\s*$/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const QUOTE = /^ {0,3}>\s?(.*)$/;
const ROW = /^\s*\|?(.+\|.*)$/;
const DIVIDER = /^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/;

function cells(line) {
  return line.trim().replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((cell) => cell.trim().replace(/\\\|/g, "|"));
}

function table(rows) {
  const [head, , ...body] = rows;
  const names = cells(head);
  const row = (name, line) => node("tr", ...names.map((_, at) => node(name, ...inline(cells(line)[at] ?? ""))));
  return node("div", node("table", node("thead", row("th", head)), node("tbody", ...body.map((line) => row("td", line)))));
}

function list(items, depth) {
  const ordered = /\d/.test(items[0].mark);
  const made = node(ordered ? "ol" : "ul");
  const first = Number.parseInt(items[0].mark, 10);
  if (ordered && first !== 1) made.setAttribute("start", String(first));
  for (const item of items) made.append(node("li", ...blocks(item.lines, depth + 1, true)));
  return made;
}

/* Return the nodes of lines of Markdown. Within a list the paragraphs have no elements of their own. */
function blocks(given, depth = 0, tight = false) {
  const found = [];
  let at = 0;
  const take = (test) => {
    const taken = [];
    while (at < given.length && test(given[at])) taken.push(given[at++]);
    return taken;
  };
  while (at < given.length) {
    const line = given[at];
    const fence = FENCE.exec(line);
    const heading = HEADING.exec(line);
    if (!line.trim()) at += 1;
    else if (fence) {
      at += 1;
      const end = fence[1];
      const code = take((one) => !one.trim().startsWith(end));
      at += 1;
      found.push(node("pre", node("code", code.join("\n"))));
    } else if (heading) {
      at += 1;
      found.push(node(`h${Math.min(6, heading[1].length + 2)}`, ...inline(heading[2])));
    } else if (RULE.test(line)) {
      at += 1;
      found.push(node("hr"));
    } else if (QUOTE.test(line) && depth < MAX_DEPTH) {
      found.push(node("blockquote", ...blocks(take((one) => QUOTE.test(one)).map((one) => QUOTE.exec(one)[1]), depth + 1)));
    } else if (ITEM.test(line) && depth < MAX_DEPTH) {
      found.push(list(itemsOf(take((one) => ITEM.test(one) || /^\s+\S/.test(one))), depth));
    } else if (ROW.test(line) && DIVIDER.test(given[at + 1] ?? "")) {
      found.push(table(take((one) => one.includes("|"))));
    } else {
      const start = at;
      const texts = take((one) => one.trim() && (at === start || !(FENCE.test(one) || HEADING.test(one) || ITEM.test(one) || QUOTE.test(one))));
      if (!texts.length) texts.push(given[at++]);
      found.push(...(tight ? lines(texts) : [node("p", ...lines(texts.map((one) => one.trimEnd())))]));
    }
  }
  return found;
}

function itemsOf(taken) {
  const items = [];
  const indent = ITEM.exec(taken[0])[1].length;
  for (const line of taken) {
    const match = ITEM.exec(line);
    if (match && match[1].length <= indent + 1) items.push({ mark: match[2], lines: [match[3]] });
    else items.at(-1).lines.push(line.replace(/^\s{1,4}/, ""));
  }
  return items;
}

/* Put what `text` says into `root`, in place of what is there. */
export function render(root, text) {
  root.replaceChildren(...blocks(text.replace(/\r\n?/g, "\n").split("\n")));
}
