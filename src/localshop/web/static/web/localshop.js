// What a browser adds: buttons that copy. Every page works without it.
"use strict";

// Browsers give the clipboard only to pages that came over TLS or from this machine.
async function copyText(box, text) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  window.getSelection().selectAllChildren(box.querySelector("code"));
  document.execCommand("copy");
}

function addCopyButtons(root) {
  for (const box of root.querySelectorAll(".copy:not(.ready)")) {
    box.classList.add("ready");
    const what = box.querySelector("pre").getAttribute("aria-label");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = "Copy";
    if (what) {
      button.setAttribute("aria-label", `Copy ${what}`);
    }
    button.addEventListener("click", async () => {
      // What the reader has to add himself follows after a blank.
      const more = box.querySelector("var") ? " " : "";
      await copyText(box, box.querySelector("code").textContent + more);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    box.append(button);
  }
}

// What scrolls sideways in a README is reached with the keyboard, too.
function makeReachable(root) {
  for (const wide of root.querySelectorAll(".readme :is(pre, table)")) {
    wide.tabIndex = 0;
  }
}

document.addEventListener("DOMContentLoaded", () => { addCopyButtons(document); makeReachable(document); });
document.addEventListener("htmx:load", (event) => addCopyButtons(event.target));
