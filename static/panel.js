// The keyboard, the focus and the word when the panel does not answer. Everything else is HTML.
"use strict";

const find = (selector) => document.querySelector(selector);
const typing = (element) => element.matches("input, textarea, select, [contenteditable]");

function step(by) {
  const rows = [...document.querySelectorAll("a[data-open]")];
  if (!rows.length) return;
  const here = rows.findIndex((row) => row.closest("tr").contains(document.activeElement));
  const next = here < 0 ? (by > 0 ? 0 : rows.length - 1) : here + by;
  rows[Math.max(0, Math.min(rows.length - 1, next))].focus();
}

function leave(target) {
  const cancel = target.closest("[data-ask]")?.querySelector("[data-cancel]") ?? find("[data-cancel]");
  if (typing(target) && !target.closest("[data-ask]")) target.blur();
  else (cancel ?? find("[data-back]"))?.click();
}

// A list that one comes back to shows what one had searched for, and the same page of it.
const placeOf = (path) => `${find(".me span")?.textContent} ${path}`;
addEventListener("pagehide", () => {
  if (find("[data-find]")) sessionStorage.setItem(placeOf(location.pathname), location.search);
});
document.addEventListener("click", (event) => {
  const back = event.target.closest(".crumbs a, [data-back]");
  const search = back && sessionStorage.getItem(placeOf(back.pathname));
  if (search && !back.search) back.search = search;
});

const keys = {
  "/": () => find("[data-field]")?.select(),
  f: () => find("[data-find]")?.focus(),
  n: () => find("[data-new]")?.focus(),
  j: () => step(1),
  k: () => step(-1),
  "?": () => find("#keys")?.showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || find("dialog[open]")) return;
  const isField = event.target.matches("[data-field]");
  if (isField && ["Escape", "ArrowDown"].includes(event.key)) event.preventDefault(); // what was found stays
  if (isField && event.key === "ArrowDown") return step(1);
  if (event.key === "Escape") return leave(event.target);
  const act = keys[event.key];
  if (!act || typing(event.target)) return;
  event.preventDefault();
  act();
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-keys]")) find("#keys").showModal();
});

// Browsers let pages write the clipboard on https and on this machine alone.
function offerCopies() {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
}
offerCopies();
document.addEventListener("htmx:afterSettle", offerCopies);

document.addEventListener("click", async (event) => {
  if (event.target.closest("[data-print]")) window.print();
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  await navigator.clipboard.writeText(source.value ?? source.innerText);
  find("#sentence").textContent = button.dataset.copied;
  button.classList.add("done");
});

// Focus must not fall to the top of the page because what had it was swapped away.
document.addEventListener("htmx:afterSettle", () => {
  if (document.activeElement === document.body) find("main").focus({ preventScroll: true });
});

// What a pulse brings that was swapped away in the meantime, the next one brings again.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (!event.detail.requestConfig.elt.isConnected) event.detail.shouldSwap = false;
});

function tell(selector, isTrue = true) {
  const notice = find(selector);
  if (notice) notice.hidden = !isTrue;
}
const isForm = (event) => event.detail.requestConfig.verb !== "get";
document.addEventListener("htmx:sendError", () => tell("#lost"));
// Who lost a right while the page was open gets the page as it is now.
document.addEventListener("htmx:responseError", (event) => {
  const { status } = event.detail.xhr;
  if (status === 403) location.reload();
  else tell(status === 503 && isForm(event) ? "#busy" : "#lost");
});
document.addEventListener("htmx:afterOnLoad", (event) => {
  if (event.detail.successful) tell("#lost", false);
  if (event.detail.successful && isForm(event)) tell("#busy", false);
});
