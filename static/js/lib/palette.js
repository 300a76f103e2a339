/* The command palette: Ctrl/Cmd+K, type, Enter. */

const WAIT_MILLISECONDS = 150;

export function setUpPalette() {
  const palette = document.getElementById("palette");
  if (palette) new Palette(palette);
}

class Palette {
  constructor(dialog) {
    this.dialog = dialog;
    this.input = dialog.querySelector("[data-palette-input]");
    this.results = dialog.querySelector("[role=listbox]");
    this.start = [...this.results.children];
    document.addEventListener("keydown", (event) => this.onGlobalKey(event));
    this.input.addEventListener("input", () => this.search());
    this.input.addEventListener("keydown", (event) => this.onKey(event));
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  }

  onGlobalKey(event) {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      if (this.dialog.open) this.dialog.close();
      else this.open();
    }
  }

  open() {
    this.input.value = "";
    this.show(this.start);
    this.dialog.showModal();
    this.input.focus();
  }

  show(entries) {
    this.results.replaceChildren(...entries);
    this.select(0);
  }

  get items() {
    return [...this.results.querySelectorAll("a")];
  }

  select(index) {
    const items = this.items;
    items.forEach((item, at) => item.setAttribute("aria-selected", String(at === index)));
    const chosen = items[index];
    if (chosen) {
      this.input.setAttribute("aria-activedescendant", chosen.id);
      chosen.scrollIntoView({ block: "nearest" });
    } else this.input.removeAttribute("aria-activedescendant");
    this.index = index;
  }

  onKey(event) {
    const count = this.items.length;
    if (event.key === "Enter") {
      event.preventDefault();
      this.items[this.index]?.click();
    } else if (count && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      this.select((this.index + (event.key === "ArrowDown" ? 1 : count - 1)) % count);
    }
  }

  search() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.fetch(), WAIT_MILLISECONDS);
  }

  async fetch() {
    const query = this.input.value.trim();
    if (!query) return this.show(this.start);
    const url = `${this.dialog.dataset.searchUrl}?q=${encodeURIComponent(query)}`;
    const answer = await fetch(url, { headers: { "X-Fragment": "palette" } });
    if (!answer.ok || answer.redirected || this.input.value.trim() !== query) return;
    const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
    this.show([...parsed.body.children]);
  }
}
