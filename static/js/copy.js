// A button that copies a field. Without this file the field can still be selected by hand.
(() => {
  "use strict";
  function begin() {
    const said = document.querySelector("[data-copied]");
    for (const button of document.querySelectorAll("[data-copy]")) {
      const field = document.getElementById(button.dataset.copy);
      field.addEventListener("focus", () => field.select());
      button.hidden = false;
      button.addEventListener("click", async () => {
        field.select();
        try {
          await navigator.clipboard.writeText(field.value);
          said.textContent = said.dataset.copied || "Copied.";
        } catch {
          said.textContent = said.dataset.copyByHand || "Selected. Press Ctrl+C or ⌘C to copy.";
        }
      });
    }
  }
  begin();
  document.addEventListener("page-replaced", begin); // the check-in shows the server's answer so
})();
