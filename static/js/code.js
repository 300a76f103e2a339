/* Colours for code that the server has written. */

document.querySelectorAll("pre code[class^=language-]").forEach((block) => window.hljs.highlightElement(block));
