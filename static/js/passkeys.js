/* Passkeys: asks the server for options, the browser for an answer, and sends that with the form. */

import { toast } from "./lib/dom.js";

const fromBase64 = (text) => Uint8Array.from(
  atob(text.replace(/-/g, "+").replace(/_/g, "/").padEnd(Math.ceil(text.length / 4) * 4, "=")),
  (character) => character.charCodeAt(0),
);
const toBase64 = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
  .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

async function optionsFrom(url, form) {
  const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
  const answer = await fetch(url, { method: "POST", headers: { "X-CSRFToken": token, Accept: "application/json" } });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.detail || "The server did not answer: try again.");
  return body;
}

function withBytes(options) {
  const listed = (credentials) => credentials?.map((one) => ({ ...one, id: fromBase64(one.id) }));
  return {
    ...options,
    challenge: fromBase64(options.challenge),
    ...(options.user && { user: { ...options.user, id: fromBase64(options.user.id) } }),
    ...(options.excludeCredentials && { excludeCredentials: listed(options.excludeCredentials) }),
    ...(options.allowCredentials && { allowCredentials: listed(options.allowCredentials) }),
  };
}

function asJson(credential) {
  const { response } = credential;
  const parts = { clientDataJSON: toBase64(response.clientDataJSON) };
  if (response.attestationObject) {
    parts.attestationObject = toBase64(response.attestationObject);
    parts.transports = response.getTransports?.() ?? [];
  } else {
    parts.authenticatorData = toBase64(response.authenticatorData);
    parts.signature = toBase64(response.signature);
    if (response.userHandle) parts.userHandle = toBase64(response.userHandle);
  }
  const id = toBase64(credential.rawId);
  return JSON.stringify({ id, rawId: id, type: credential.type, response: parts, clientExtensionResults: {} });
}

const WORDS = {
  NotAllowedError: "The passkey was not used: it was cancelled, or took too long.",
  InvalidStateError: "This device has a passkey for your account already.",
  SecurityError: "Passkeys do not work at this address: open the platform under its own name.",
};

async function use(button) {
  const { form } = button;
  button.disabled = true;
  try {
    const publicKey = withBytes(await optionsFrom(button.dataset.passkeyOptions, form));
    const ask = button.dataset.passkey === "create" ? "create" : "get";
    const credential = await navigator.credentials[ask]({ publicKey });
    form.querySelector("[data-passkey-answer]").value = asJson(credential);
    form.requestSubmit();
  } catch (error) {
    toast(WORDS[error.name] ?? error.message, "error");
  } finally {
    button.disabled = false;
  }
}

if (window.PublicKeyCredential) {
  for (const button of document.querySelectorAll("[data-passkey]")) {
    button.closest("[data-passkey-part]").hidden = false;
    button.addEventListener("click", () => use(button));
  }
}
