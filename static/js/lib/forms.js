/* What forms do beyond sending themselves. */

export function setUpForms() {
  document.querySelectorAll("form[data-guard]").forEach(guard);
  document.querySelector("[data-focus]")?.focus();
  document.addEventListener("change", (event) => {
    if (event.target.matches?.("[data-submit-on-change]")) event.target.form.requestSubmit();
  });
  document.addEventListener("submit", (event) => busy(event.target));
  document.addEventListener("htmx:finally:request", () => document.querySelectorAll("[data-was]").forEach(idle));
}

/* Ask before leaving a form that was changed and not sent. */
function guard(form) {
  const state = () => new URLSearchParams(new FormData(form)).toString();
  const first = state();
  // A form that came back with errors holds changes that are not saved.
  const refused = form.querySelector(".notice-danger") !== null;
  let sending = false;
  form.addEventListener("submit", () => { sending = true; });
  window.addEventListener("beforeunload", (event) => {
    if (!sending && (refused || state() !== first)) event.preventDefault();
  });
}

function busy(form) {
  const label = form.dataset.busy && form.querySelector("[type=submit] span");
  if (!label) return;
  label.dataset.was = label.textContent;
  label.textContent = form.dataset.busy;
}

function idle(label) {
  label.textContent = label.dataset.was;
  delete label.dataset.was;
}
