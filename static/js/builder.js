// The live preview never takes away a dose that somebody has typed over in its table.
(() => {
  "use strict";
  const typedOver = () =>
    [...document.querySelectorAll(".dose-edit")].some((input) => input.value !== input.defaultValue);
  const wait = (event) => {
    if (!typedOver()) return;
    event.preventDefault();
    const note = document.querySelector("[data-live-waits]");
    if (note) note.hidden = false;
  };
  document.body.addEventListener("htmx:beforeRequest", wait);
  document.body.addEventListener("htmx:beforeSwap", wait);
})();
