// What a browser adds: buttons that copy, and a question before what cannot be undone.
// Every page works without it.
"use strict";

function addCopyButtons(root) {
  for (const box of root.querySelectorAll(".copy:not([data-ready])")) {
    box.dataset.ready = "";
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(box.querySelector("code").textContent);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    box.append(button);
  }
}

document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !window.confirm(question)) {
    event.preventDefault();
  }
});
document.addEventListener("DOMContentLoaded", () => addCopyButtons(document));
document.addEventListener("htmx:load", (event) => addCopyButtons(event.target));
