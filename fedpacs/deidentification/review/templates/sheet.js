"use strict";
const sections = [...document.querySelectorAll("main > section")];
const links = [...document.querySelectorAll("[data-go]")];
const key = "fedpacs-review-" + blank.sample;
let current = 0;

function judged(section) {
  const radio = section.querySelector("input[type=radio]:checked");
  if (!radio) return null;
  const remarks = [...section.querySelectorAll(".remarks input:checked")].map((box) => box.value);
  return { name: section.dataset.name, verdict: radio.value, remarks };
}

function show() {
  const tally = {};
  let done = 0;
  sections.forEach((section, i) => {
    const found = judged(section);
    const state = found ? found.verdict : "";
    section.querySelector("[data-state]").textContent = state;
    section.querySelector("[data-state]").className = "state " + state;
    links[i].className = state;
    if (found) { done += 1; tally[state] = (tally[state] || 0) + 1; }
  });
  document.getElementById("done").textContent = done;
  const parts = Object.entries(tally).map(([name, count]) => count + " " + name);
  document.getElementById("tally").textContent = parts.length ? ": " + parts.join(", ") : "";
  document.getElementById("save").disabled = done < sections.length;
}

function keep() {
  show();
  // new names and codes only; no value of an attribute is ever kept by the browser
  try { localStorage.setItem(key, JSON.stringify(sections.map(judged))); } catch (error) { /* private window */ }
}

function restore() {
  let stored = null;
  try { stored = JSON.parse(localStorage.getItem(key)); } catch (error) { /* private window */ }
  (stored || []).forEach((found, i) => {
    const section = sections[i];
    if (!found || !section || found.name !== section.dataset.name) return;
    section.querySelectorAll("input").forEach((box) => {
      box.checked = box.type === "radio" ? box.value === found.verdict : found.remarks.includes(box.value);
    });
    section.querySelector(".remarks").open = found.remarks.length > 0;
  });
  show();
}

function go(index) {
  current = Math.max(0, Math.min(sections.length - 1, index));
  sections[current].scrollIntoView();
}

function save() {
  const { names, ...head } = blank;
  const verdicts = sections.map(judged);
  const text = JSON.stringify({ ...head, verdicts }, null, 1);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = "verdict.json";
  link.click();
  URL.revokeObjectURL(link.href);
}

document.querySelector("main").addEventListener("change", (event) => {
  const section = event.target.closest("section");
  const found = judged(section);
  if (event.target.type === "radio" && found && found.verdict !== "pass") {
    section.querySelector(".remarks").open = true;
  }
  keep();
});
document.getElementById("save").addEventListener("click", save);
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "j") go(current + 1);
  else if (event.key === "k") go(current - 1);
  else if ("123".includes(event.key)) {
    sections[current].querySelectorAll("input[type=radio]")[Number(event.key) - 1].click();
  }
});
const watcher = new IntersectionObserver((entries) => {
  entries.filter((entry) => entry.isIntersecting).forEach((entry) => { current = sections.indexOf(entry.target); });
}, { rootMargin: "-20% 0px -70% 0px" });
sections.forEach((section) => watcher.observe(section));
restore();
