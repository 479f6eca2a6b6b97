// Sends what waited for a proof, once. Without this file its button does.
(() => {
  "use strict";
  const form = document.querySelector("[data-go-on]");
  const button = form.querySelector("button");
  const again = performance.getEntriesByType("navigation")[0]?.type === "back_forward";
  if (!again) {
    form.requestSubmit(button);
  }
})();
