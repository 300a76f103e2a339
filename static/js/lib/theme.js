/* Light, dark or as the system: changed at once, then told to the server. */

export function setUpTheme() {
  const form = document.querySelector("[data-theme-form]");
  form?.addEventListener("submit", (event) => {
    const theme = event.submitter?.value;
    if (!theme) return;
    event.preventDefault();
    apply(form, theme);
    const body = new URLSearchParams({ theme, csrfmiddlewaretoken: document.body.dataset.csrf });
    fetch(form.action, { method: "POST", body });
    form.hidePopover();
  });
}

function apply(form, theme) {
  document.documentElement.dataset.bsTheme = theme;
  const meta = document.querySelector("meta[name=color-scheme]");
  if (meta) meta.content = theme === "system" ? "light dark" : theme;
  for (const button of form.querySelectorAll("[name=theme]")) {
    button.setAttribute("aria-pressed", String(button.value === theme));
  }
  document.dispatchEvent(new Event("themechange"));
}
