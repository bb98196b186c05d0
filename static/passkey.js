// Says on the page that a passkey was not used; allauth would say it to the console.
"use strict";

document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  document.querySelector("#passkey-failed").hidden = false;
});
