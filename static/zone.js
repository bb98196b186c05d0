// Offers the time zone that the browser is in; to choose and to save it is the person's.
"use strict";

const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
const choice = document.querySelector("[data-zone]");
const offer = document.querySelector("[data-zone-offer]");
const isKnown = [...choice.options].some((one) => one.value === timeZone);

if (isKnown && (choice.value || choice.dataset.zone) !== timeZone) {
  offer.append(` ${timeZone}`);
  offer.hidden = false;
}
offer.addEventListener("click", () => {
  choice.value = timeZone;
  choice.focus();
  offer.hidden = true;
});
