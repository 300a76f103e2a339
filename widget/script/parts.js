/* What the chat is put together from: icons, elements, and what it remembers. */

const ICONS = {
  chat: "M21 12a8 8 0 0 1-8 8H4l2-3a8 8 0 1 1 15-5zM8.5 12h.01M12.5 12h.01M16.5 12h.01",
  shut: "M6 6l12 12M18 6L6 18",
  send: "M4 12l16-8-6 16-3-7zM11 13l9-9",
  stop: "M7 7h10v10H7z",
  fresh: "M12 5v14M5 12h14",
  earlier: "M4 12a8 8 0 1 0 3-6.2M4 4v4h4M12 8v4l3 2",
  save: "M12 4v11M7 11l5 5 5-5M5 20h14",
};

export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", "stroke-width": "2", "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true" })) svg.setAttribute(key, value);
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key === "class") made.className = value;
    else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

/* Draw a picture whose bytes came with the looks: no policy of the page has to allow images. */
export async function paintPicture(avatar, text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const canvas = element("canvas", { width: "72", height: "72" });
  const scale = Math.max(72 / bitmap.width, 72 / bitmap.height);
  const [width, height] = [bitmap.width * scale, bitmap.height * scale];
  canvas.getContext("2d").drawImage(bitmap, (72 - width) / 2, (72 - height) / 2, width, height);
  avatar.replaceChildren(canvas);
}

/* What survives going to another page of the site, and nothing else: it ends with the tab, and when
   the tab becomes somebody else's. */
export class Store {
  constructor(id, owner) {
    this.name = `restai-widget:${id}`;
    this.owner = owner;
    this.kept = {};
    this.read();
  }

  read() {
    try {
      this.kept = JSON.parse(sessionStorage.getItem(this.name)) ?? this.kept;
    } catch {
      // A page that keeps nothing remembers what it has.
    }
    if ((this.kept.owner ?? "") === this.owner) return;
    this.kept = { open: this.kept.open };
    this.set("owner", this.owner);
  }

  get(name) {
    return this.kept[name] ?? null;
  }

  set(name, value) {
    this.kept[name] = value;
    try {
      sessionStorage.setItem(this.name, JSON.stringify(this.kept));
    } catch {
      // A page that keeps nothing: the chat lives as long as the page.
    }
  }
}
