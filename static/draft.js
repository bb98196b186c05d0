// What somebody wrote while their session ended is there again when they have signed in.
"use strict";

const KEPT = "draft";
const HELD_BACK = ["hidden", "password", "file", "submit"]; // a suggested password is a text
const me = document.querySelector(".me span")?.textContent;

function fields() {
  const named = [...document.querySelectorAll("main form[method=post] [name]")];
  return named.filter((field) => !HELD_BACK.includes(field.type) && field.name !== "password");
}

const isBox = (field) => ["checkbox", "radio"].includes(field.type);
const keyOf = (field) => [field.form.getAttribute("action"), field.id, field.name].join(" ");

function isChanged(field) {
  if (isBox(field)) return field.checked !== field.defaultChecked;
  if (field.options) return [...field.options].some((one) => one.selected !== one.defaultSelected);
  return field.value !== field.defaultValue;
}

function keep() {
  const written = fields().filter(isChanged);
  if (!me || !written.length) return;
  const texts = written.map((field) => [keyOf(field), isBox(field) ? field.checked : field.value]);
  sessionStorage.setItem(KEPT, JSON.stringify({ me, page: location.pathname, texts }));
}

function restore(texts) {
  for (const field of fields().filter((one) => texts.has(keyOf(one)))) {
    if (isBox(field)) field.checked = texts.get(keyOf(field));
    else field.value = texts.get(keyOf(field));
    document.querySelector("#again").hidden = false;
  }
}

const draft = JSON.parse(sessionStorage.getItem(KEPT));
if (me) {
  sessionStorage.removeItem(KEPT);
  const isTheirs = draft?.signedOut && draft.me === me && draft.page === location.pathname;
  if (isTheirs) restore(new Map(draft.texts));
} else if (draft) {
  sessionStorage.setItem(KEPT, JSON.stringify({ ...draft, signedOut: true }));
}
addEventListener("pagehide", keep);
