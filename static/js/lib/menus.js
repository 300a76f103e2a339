/* Menus and drawers are popovers, which open and close without a script; this places the menus beside
   their buttons and adds the arrow keys. */

const GAP = 6;
const EDGE = 8;

export function setUpMenus() {
  // These events do not bubble, so they are caught on the way down.
  document.addEventListener("beforetoggle", (event) => {
    if (event.target.matches?.("[data-menu]") && event.newState === "open") event.target.dataset.placed = "";
  }, true);
  document.addEventListener("toggle", (event) => {
    if (!event.target.matches?.("[data-menu]")) return;
    const button = buttonOf(event.target);
    button?.setAttribute("aria-expanded", String(event.newState === "open"));
    if (event.newState === "open" && button) place(event.target, button);
  }, true);
  document.addEventListener("keydown", onKey);
  const closeOpen = (event) => {
    const open = document.querySelector("[data-menu]:popover-open");
    if (open && !open.contains(event.target)) open.hidePopover();
  };
  window.addEventListener("resize", closeOpen);
  document.addEventListener("scroll", closeOpen, true);
}

function buttonOf(menu) {
  return document.querySelector(`[popovertarget="${CSS.escape(menu.id)}"]`);
}

function place(menu, button) {
  const anchor = button.getBoundingClientRect();
  if (menu.classList.contains("menu-wide")) menu.style.minWidth = `${anchor.width}px`;
  const size = menu.getBoundingClientRect();
  const rightwards = anchor.left + size.width <= innerWidth - EDGE;
  const left = rightwards ? anchor.left : anchor.right - size.width;
  const below = anchor.bottom + GAP + size.height <= innerHeight - EDGE;
  const top = below ? anchor.bottom + GAP : anchor.top - GAP - size.height;
  menu.style.left = `${Math.max(EDGE, Math.min(left, innerWidth - size.width - EDGE))}px`;
  menu.style.top = `${Math.max(EDGE, top)}px`;
}

function onKey(event) {
  const button = event.target.closest?.("[popovertarget]");
  if (button && event.key === "ArrowDown") {
    const menu = document.getElementById(button.getAttribute("popovertarget"));
    if (!menu?.matches("[data-menu]")) return;
    event.preventDefault();
    menu.showPopover();
    itemsOf(menu)[0]?.focus();
    return;
  }
  const menu = event.target.closest?.("[data-menu]:popover-open");
  if (!menu) return;
  const items = itemsOf(menu);
  const at = items.indexOf(document.activeElement);
  const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  items[(next + items.length) % items.length]?.focus();
}

function itemsOf(menu) {
  return [...menu.querySelectorAll("a[href], button:not(:disabled)")];
}
