/* Saves the text of an element as a file; the text does not leave the browser. */

function download(button) {
  const text = document.getElementById(button.dataset.download).textContent;
  const address = URL.createObjectURL(new Blob([`${text}\n`], { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = button.dataset.fileName;
  link.click();
  URL.revokeObjectURL(address);
}

for (const button of document.querySelectorAll("[data-download]")) {
  button.hidden = false;
  button.addEventListener("click", () => download(button));
}
