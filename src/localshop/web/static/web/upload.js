// Sends files one after the other to the door that twine uses, and shows how far each has come.
"use strict";

const LARGEST_HASHED = 256 * 1024 * 1024; // Bytes; a digest is made of a whole file in memory.

// What twine reads out of the archive, the file name says too; the server compares both.
function claimOf(filename) {
  const wheel = filename.endsWith(".whl");
  const stem = filename.replace(/\.(whl|tar\.gz|zip)$/, "");
  const cut = wheel ? stem.indexOf("-") : stem.lastIndexOf("-");
  const name = cut > 0 ? stem.slice(0, cut) : stem;
  const rest = cut > 0 ? stem.slice(cut + 1) : "0";
  const version = wheel ? rest.split("-")[0] : rest;
  return { name, version, filetype: wheel ? "bdist_wheel" : "sdist", pyversion: wheel ? "py3" : "source" };
}

async function formOf(file) {
  const form = new FormData();
  const claim = { ":action": "file_upload", protocol_version: "1", ...claimOf(file.name) };
  if (window.crypto.subtle && file.size <= LARGEST_HASHED) {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
    claim.sha256_digest = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }
  for (const [field, value] of Object.entries(claim)) {
    form.append(field, value);
  }
  form.append("content", file, file.name);
  return form;
}

async function freshToken(url) {
  const answer = await fetch(url, { headers: { Accept: "application/json" } });
  if (!answer.ok || answer.redirected) {
    throw new Error("You are not logged in any more, or may not upload here. Reload the page.");
  }
  return (await answer.json()).token;
}

function send(door, token, form, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", door);
    request.setRequestHeader("X-Localshop-Upload", token);
    request.upload.addEventListener("progress", (event) => onProgress(event.loaded / event.total));
    request.addEventListener("load", () => resolve({ good: request.status === 200, text: request.responseText.trim() }));
    request.addEventListener("error", () => reject(new Error("The connection was cut. Try it again.")));
    request.send(form);
  });
}

function addRow(list, file) {
  const row = document.createElement("li");
  const name = document.createElement("strong");
  name.textContent = file.name;
  const badge = document.createElement("span");
  badge.className = "badge";
  badge.textContent = "waiting";
  const bar = document.createElement("progress");
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", `How much of ${file.name} is sent`);
  const text = document.createElement("p");
  text.className = "said";
  row.append(name, " ", badge, bar, text);
  list.append(row);
  return { badge, bar, text };
}

function show(row, kind, word, sentence) {
  row.badge.className = `badge ${kind}`;
  row.badge.textContent = word;
  row.text.className = kind === "bad" ? "error" : "soft said";
  row.text.textContent = sentence;
  row.bar.hidden = word !== "sending";
}

// Where it is now; the address has the name as PEP 503 writes it.
function linkTo(box, name) {
  const link = document.createElement("a");
  link.href = box.dataset.packages + encodeURIComponent(name.replace(/[-_.]+/g, "-").toLowerCase()) + "/";
  link.textContent = `Look at ${name}`;
  return link;
}

async function publish(box, file, row) {
  show(row, "", "sending", "");
  try {
    const form = await formOf(file);
    const token = await freshToken(box.dataset.token);
    const answer = await send(box.dataset.door, token, form, (part) => { row.bar.value = part; });
    show(row, answer.good ? "good" : "bad", answer.good ? "published" : "refused", answer.text);
    if (answer.good) {
      row.text.replaceChildren(linkTo(box, claimOf(file.name).name));
    }
  } catch (error) {
    show(row, "bad", "failed", error.message);
  }
}

document.addEventListener("DOMContentLoaded", () => {
  const box = document.getElementById("upload");
  const drop = box.querySelector(".drop");
  const chooser = document.getElementById("files");
  let last = Promise.resolve();
  const take = (files) => {
    for (const file of files) {
      const row = addRow(document.getElementById("sent"), file);
      last = last.then(() => publish(box, file, row));
    }
  };
  chooser.addEventListener("change", () => { take([...chooser.files]); chooser.value = ""; });
  for (const kind of ["dragover", "dragenter"]) {
    drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
  }
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    take([...event.dataTransfer.files]);
  });
  box.hidden = false;
});
