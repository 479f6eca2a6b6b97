// What a sign of a chart means is said below it: where a pointer rests, where a finger taps, and from
// sign to sign with the arrow keys. Without this file a pointer still finds the words, and the same
// numbers stand in a table.
(() => {
  "use strict";
  const HINT = "The arrow keys go from sign to sign: what it means stands here.";
  const STEPS = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity };
  for (const frame of document.querySelectorAll(".chart-wrap")) {
    // The newest days are what one comes for; other charts begin with their words.
    if (frame.querySelector(".chart--course")) frame.scrollLeft = frame.scrollWidth;
    const words = [...frame.querySelectorAll("svg :not(svg) > title")];
    if (!words.length) continue;
    const left = (sign) => sign.getBoundingClientRect().left;
    const signs = words.map((title) => title.parentElement).sort((a, b) => left(a) - left(b));
    const said = document.createElement("p");
    said.className = "chart-said";
    said.setAttribute("role", "status");
    frame.after(said);
    frame.addEventListener("focus", () => { said.textContent ||= HINT; });
    let here = signs.length; // one beyond the newest: the first step goes to it
    const show = (sign) => {
      frame.querySelector(".is-here")?.classList.remove("is-here");
      sign.classList.add("is-here");
      said.textContent = sign.querySelector("title").textContent;
      here = signs.indexOf(sign);
    };
    const under = (event) => {
      const sign = event.target.closest("svg *");
      if (sign && signs.includes(sign)) show(sign);
      else if (sign && signs.includes(sign.parentElement)) show(sign.parentElement);
    };
    frame.addEventListener("pointerover", under);
    frame.addEventListener("click", under);
    frame.addEventListener("keydown", (event) => {
      const by = STEPS[event.key];
      if (by === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      show(signs[Math.min(Math.max(here + by, 0), signs.length - 1)]);
      signs[here].scrollIntoView({ block: "nearest", inline: "center" });
    });
  }
})();
