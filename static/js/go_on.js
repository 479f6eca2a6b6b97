// Sends what waited for a proof, once. Without this file its button does.
(() => {
  "use strict";
  const form = document.querySelector("[data-go-on]");
  const again = performance.getEntriesByType("navigation")[0]?.type === "back_forward";
  // Once: a tap while the first is under way sends nothing; a file leaves its button for another.
  if (form.method === "post") {
    let isSent = false;
    form.addEventListener("submit", (event) => {
      if (isSent) event.preventDefault();
      isSent = true;
    });
  }
  // When all of the page is there: where a file is the answer, the page stays.
  window.addEventListener("load", () => again || setTimeout(() => form.requestSubmit()));
})();
