/* Dialogs open by the `command` attribute; this is for browsers that do not know it yet, and for the
   word that some dialogs want typed. */

export function setUpDialogs() {
  if (!("commandForElement" in HTMLButtonElement.prototype)) {
    document.addEventListener("click", (event) => {
      const button = event.target.closest?.("button[commandfor]");
      const dialog = button && document.getElementById(button.getAttribute("commandfor"));
      if (button?.getAttribute("command") === "show-modal") dialog?.showModal();
      if (button?.getAttribute("command") === "close") dialog?.close();
    });
  }
  document.addEventListener("click", (event) => {
    // A menu that opened a dialog has done its work.
    if (event.target.closest?.("[data-menu] [commandfor]")) event.target.closest("[data-menu]").hidePopover();
    if (event.target.matches?.("dialog[data-dialog]")) event.target.close();
  });
  document.querySelectorAll("[data-typed]").forEach(guardTyped);
}

function guardTyped(input) {
  const submit = input.form.querySelector("[type=submit]");
  const check = () => { submit.disabled = input.value !== input.dataset.typed; };
  input.addEventListener("input", check);
  check();
}
