// One question per screen. Without this file the same form works as one long page.
// What the phone keeps and how it is sent is in offline.js.
(() => {
  "use strict";
  const form = document.getElementById("checkin");
  if (!form) return;
  const text = form.dataset;
  const root = document.documentElement;
  const items = [...form.querySelectorAll(".item")];
  const finish = form.querySelector("[data-finish]");
  const steps = form.querySelector("[data-steps]");
  const progress = form.querySelector("[data-progress]");
  const review = form.querySelector("[data-review]");
  const live = form.querySelector("[data-live]");
  const back = form.querySelector("[data-back]");
  const next = form.querySelector("[data-next]");
  // A shaking hand taps twice: for this long after a new question appears, taps are not answers.
  const SETTLE_MS = 450;
  let shownAt = 0;
  let current = null;
  let leaving = 0;

  const inputs = (item) => [...item.querySelectorAll("input, textarea")];
  const chosen = (item) => inputs(item).filter((el) => el.checked).map((el) => el.value);
  const written = (item) => item.querySelector(".input")?.value.trim() ?? "";
  const advised = (input) => input.parentElement.querySelector(".advice");
  const find = (key) => items.find((item) => item.dataset.item === key);
  const applies = (item) => {
    if (!item.dataset.when) return true;
    // "key:value value|key:value": any of these answers shows the question.
    return item.dataset.when.split("|").some((way) => {
      const [key, values] = way.split(":");
      const parent = find(key);
      return parent && applies(parent) && chosen(parent).some((value) => values.split(" ").includes(value));
    });
  };
  const path = () => items.filter(applies);
  const answered = (item) => chosen(item).length > 0 || written(item) !== "";
  const choice = (item) => item.querySelector("fieldset") !== null;
  const measured = (item) => item.querySelector(".units") !== null; // a number, and its unit tapped beside it

  function complain(item, message) {
    let line = item.querySelector(".error");
    if (!line) {
      line = document.createElement("p");
      line.className = "error";
      (item.querySelector("legend") ?? item.querySelector("label")).after(line);
    }
    line.textContent = message;
    item.classList.add("has-errors");
    live.textContent = message;
  }

  function forgive(item) {
    item.classList.remove("has-errors");
    item.querySelector(".error")?.remove();
  }

  function fault(item) {
    if (choice(item) && !answered(item)) {
      if (item.dataset.mandatory !== undefined) return text.textPick;
      // Skipping is allowed, but never by a slip: the first Next only says that nothing was tapped.
      if (!item.classList.contains("has-errors")) return text.textSkip;
    }
    const half = measured(item) && (chosen(item).length > 0) !== (written(item) !== "");
    if (half && !item.classList.contains("has-errors")) return text.textAmount;
    const field = item.querySelector("[data-max]");
    if (field && field.value.trim() !== "") {
      const value = Number(field.value.trim().replace(",", "."));
      const low = Number(field.dataset.min ?? 0);
      const high = Number(field.dataset.max);
      if (!(value >= low && value <= high)) return text.textNumber.replace("[a]", low).replace("[b]", high);
    }
    return "";
  }

  function question(item) {
    const heading = item.querySelector(".q").cloneNode(true);
    heading.querySelector(".stem")?.remove();
    return heading.textContent.trim();
  }

  function answer(item) {
    if (measured(item)) return written(item) ? [written(item), ...chosen(item)].join(" ") : text.textSkipped;
    const words = inputs(item).filter((el) => el.checked).map((el) => form.querySelector(`label[for="${CSS.escape(el.id)}"]`).textContent.trim().replace(/\s+/g, " "));
    return words.join("; ") || written(item) || text.textSkipped;
  }

  function drawReview() {
    const rows = path().map((item) => {
      const row = document.createElement("li");
      const button = document.createElement("button");
      const q = document.createElement("span");
      const a = document.createElement("b");
      button.type = "button";
      q.textContent = question(item);
      a.textContent = answer(item);
      button.append(q, a);
      button.addEventListener("click", () => go(item));
      row.append(button);
      return row;
    });
    review.querySelector(".review").replaceChildren(...rows);
  }

  // At twice the text size the head of the page fills the smallest screen: the question is what counts.
  function bring(target) {
    window.scrollTo(0, 0);
    const heading = headingOf(target);
    if (heading.getBoundingClientRect().bottom > window.innerHeight) (target === finish ? heading : progress).scrollIntoView();
  }

  const headingOf = (target) => target.querySelector(target === finish ? "[data-ready]" : ".q");
  function show(target, focus = true) {
    clearTimeout(leaving);
    const way = path();
    const at = target === finish ? way.length : way.indexOf(target);
    if (at < 0) return show(way[0], focus);
    current = target;
    shownAt = performance.now();
    for (const el of [...items, finish]) el.classList.toggle("is-current", el === target);
    root.classList.toggle("past-first", at > 0);
    back.hidden = at === 0;
    next.hidden = target === finish;
    progress.querySelector("[data-progress-text]").textContent = at < way.length ? text.textProgress.replace("[n]", at + 1).replace("[m]", way.length) : "";
    progress.querySelector("[data-progress-bar]").setAttribute("width", String((100 * at) / way.length));
    if (target === finish) drawReview();
    if (!focus) return;
    const heading = headingOf(target);
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
    bring(target);
  }

  const nameOf = (target) => (target === finish ? "send" : target.dataset.item);
  function go(target) {
    if (target === current) return;
    root.classList.add("moved");
    history.pushState({ at: nameOf(target) }, "");
    show(target);
  }

  function forward() {
    const problem = fault(current);
    if (problem) {
      complain(current, problem);
      inputs(current)[0]?.focus();
      return;
    }
    forgive(current);
    const way = path();
    go(way[way.indexOf(current) + 1] ?? finish);
  }

  root.classList.add("js", "stepping");
  progress.hidden = steps.hidden = false;
  for (const heading of form.querySelectorAll(".section__title")) heading.hidden = true;

  next.addEventListener("click", forward);
  back.addEventListener("click", () => {
    const way = path();
    const at = current === finish ? way.length : way.indexOf(current);
    if (at > 0) go(way[at - 1]);
  });
  window.addEventListener("popstate", (event) => {
    const at = event.state?.at;
    show(at === "send" ? finish : (find(at) ?? path()[0]));
  });

  form.addEventListener("click", (event) => {
    const input = event.target;
    if (!(input instanceof HTMLInputElement) || !["radio", "checkbox"].includes(input.type)) return;
    if (performance.now() - shownAt < SETTLE_MS && event.detail > 0) event.preventDefault();
  });

  // While typing, not on leaving the field: the line that goes must not move a button under a finger.
  form.addEventListener("input", (event) => {
    const item = event.target.closest(".item");
    if (item) forgive(item);
  });

  form.addEventListener("change", (event) => {
    const input = event.target;
    const item = input.closest(".item");
    if (!item) return;
    if (input.type === "checkbox" && input.checked) {
      // "None of these" and any other answer cannot both be true.
      for (const other of inputs(item)) {
        if (other !== input && (input.value === "none") !== (other.value === "none")) {
          if (input.value === "none" || other.value === "none") other.checked = false;
        }
      }
    }
    if (advised(input) && input.checked) {
      advised(input).scrollIntoView({ block: "nearest" });
    }
  });

  // Tapping a plain answer moves on; the arrow keys of a keyboard only choose, and Next or Enter moves on.
  let pressed = false;
  form.addEventListener("pointerdown", () => (pressed = true));
  form.addEventListener("keydown", (event) => {
    pressed = false;
    if (event.key !== "Enter" || event.target.tagName !== "INPUT" || current === finish) return;
    event.preventDefault();
    forward();
  });
  form.addEventListener("click", (event) => {
    const input = event.target;
    if (!pressed || !(input instanceof HTMLInputElement) || !input.checked) return;
    if (input.type !== "radio" && input.value !== "none") return; // of many, only "none of these" is all
    if (event.defaultPrevented || advised(input)) return;
    const item = input.closest(".item");
    if (!item || measured(item)) return;
    clearTimeout(leaving);
    leaving = setTimeout(() => item === current && forward(), 220);
  });

  // The Enter key of a phone's keyboard presses no Send before its time.
  form.addEventListener("submit", (event) => {
    if (current !== finish && !event.submitter?.name) event.preventDefault();
  });

  // Answers of this phone are back in the form: go on where they end.
  form.addEventListener("restored", () => {
    const open = path().find((item) => !answered(item) && (choice(item) || item.dataset.mandatory !== undefined));
    const target = open ?? finish;
    history.replaceState({ at: nameOf(target) }, "");
    show(target, false);
  });

  const wrong = items.find((item) => item.classList.contains("has-errors"));
  const first = wrong ?? path()[0];
  history.replaceState({ at: nameOf(first) }, "");
  show(first, false);
  // Until the first touch: a style or a larger text that comes late moves the question, too.
  const untouched = new ResizeObserver(() => bring(current));
  if (!wrong) for (const el of document.querySelectorAll(".top, .crisis")) untouched.observe(el);
  for (const kind of ["pointerdown", "keydown", "wheel"]) window.addEventListener(kind, () => untouched.disconnect(), { once: true });
  document.getElementById("errors")?.focus();
  for (const link of document.querySelectorAll(".errors a")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const item = document.getElementById(link.hash.slice(1));
      if (item) go(item);
    });
  }
})();
