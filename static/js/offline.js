// Sends a check-in when it can, and keeps it on this phone until the clinic has it.
// Without this file, or where the browser stores nothing, the form is sent as any form is.
(() => {
  "use strict";
  const strip = document.querySelector("[data-offline]");
  const panel = document.querySelector("[data-waiting]");
  if (!panel || !window.indexedDB || !window.fetch) return;
  const root = document.documentElement;
  const form = document.getElementById("checkin");
  const path = location.pathname;
  const FIRST_WAIT = 2000;
  const LONGEST_WAIT = 60000;
  const OWN = ["submission_id", "reported_at", "sent_at"];
  const field = (name) => form.elements.namedItem(name);
  let entry = null; // what waits to be sent
  let busy = false;
  let stored = true;
  let wait = FIRST_WAIT;
  let timer = 0;

  function tellNetwork() {
    const off = !navigator.onLine || root.dataset.kept !== undefined;
    root.classList.toggle("offline-now", off);
    strip.querySelector("[data-offline-words]").hidden = !off || !panel.hidden;
  }

  const read = () => [...new FormData(form)].filter(([name]) => !OWN.includes(name)).map(([name, value]) => [name, String(value)]);
  const calls = () => [...document.querySelectorAll(".crisis a")].map((a) => [a.textContent.trim(), a.getAttribute("href")]);
  const snapshot = (extra) => ({
    path, fields: [...read(), ...extra], submission: field("submission_id").value, changed: Date.now(), sending: false, felt: "", calls: calls(),
  });

  function fill(kept) {
    field("submission_id").value = kept.submission;
    for (const input of form.elements) if (["radio", "checkbox"].includes(input.type)) input.checked = false;
    for (const [name, value] of kept.fields) {
      for (const input of form.querySelectorAll(`[name="${CSS.escape(name)}"]`)) {
        if (["radio", "checkbox"].includes(input.type)) input.checked ||= input.value === value;
        else if (["text", "textarea"].includes(input.type)) input.value = value;
      }
    }
    form.dispatchEvent(new CustomEvent("restored"));
  }

  function replacePage(html) {
    const page = new DOMParser().parseFromString(html, "text/html");
    document.title = page.title;
    document.querySelector(".crisis")?.replaceWith(page.querySelector(".crisis") ?? "");
    document.querySelector("main").replaceWith(page.querySelector("main"));
    root.classList.remove("stepping", "past-first", "moved", "offline-now");
    delete root.dataset.kept;
    const heading = document.querySelector("main h1");
    if (!heading) return;
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }

  function showWaiting() {
    if (form) form.hidden = true;
    for (const el of document.querySelectorAll(".intro, .errors, [data-nothing-waits], .saved--plain")) el.hidden = true;
    const why = navigator.onLine ? "unclear" : "offline";
    for (const line of panel.querySelectorAll("[data-why]")) line.hidden = line.dataset.why !== why;
    for (const line of panel.querySelectorAll("[data-stored]")) line.hidden = (line.dataset.stored === "yes") !== stored;
    if (!panel.hidden) return;
    const boxes = form ? [...form.querySelectorAll(":checked ~ .advice .box")] : [];
    panel.querySelector("[data-waiting-advice]").replaceChildren(...boxes.map((box) => {
      const copy = box.cloneNode(true);
      for (const own of copy.querySelectorAll(".box__send, .box__tap")) own.remove();
      return copy;
    }));
    // The clinic's numbers, on a page that does not show them already.
    const numbers = document.querySelector(".crisis a") ? [] : entry.calls;
    panel.querySelector("[data-waiting-calls]").replaceChildren(...numbers.map(([label, href]) => {
      const link = document.createElement("a");
      link.textContent = label;
      link.href = href;
      return link;
    }));
    panel.hidden = false;
    tellNetwork();
    panel.querySelector("h1").focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }

  async function attempt() {
    if (!entry || busy) return;
    busy = true;
    clearTimeout(timer);
    // First to the phone's own store: the battery may die while the network is asked.
    stored = await Outbox.put(entry).then(() => true, () => false);
    const result = await Outbox.send(entry);
    busy = false;
    if (result.state === "waiting") return waitAndTryAgain();
    const sent = entry;
    entry = null;
    if (result.state === "saved") return replacePage(result.html);
    await Outbox.put({ ...sent, sending: false }).catch(() => {});
    if (result.reason !== "incomplete") return replacePage(result.html);
    // An answer needs a look: the page that says which one comes the plain way.
    if (!form) return location.assign(sent.path);
    field("reported_at").value = sent.felt;
    form.submit();
  }

  function waitAndTryAgain() {
    showWaiting();
    timer = setTimeout(attempt, wait * (0.75 + Math.random() / 2));
    wait = Math.min(wait * 2, LONGEST_WAIT);
    navigator.serviceWorker?.ready.then((worker) => worker.sync?.register("checkins")).catch(() => {});
  }

  function tryNow() {
    wait = FIRST_WAIT;
    attempt();
  }

  function keepDraft() {
    if (!entry) Outbox.put(snapshot([])).catch(() => {});
  }

  function listen() {
    let typing = 0;
    form.addEventListener("change", keepDraft);
    form.addEventListener("input", () => {
      clearTimeout(typing);
      typing = setTimeout(keepDraft, 400);
    });
    form.addEventListener("submit", (event) => {
      if (event.defaultPrevented) return;
      event.preventDefault();
      if (entry) return; // the second of five taps
      clearTimeout(typing);
      const { submitter } = event;
      entry = { ...snapshot(submitter?.name ? [[submitter.name, submitter.value]] : []), sending: true, felt: new Date().toISOString() };
      for (const button of [form.querySelector(".btn--send"), submitter]) if (button) button.textContent = form.dataset.textSending;
      form.querySelector("[data-live]").textContent = form.dataset.textSending;
      tryNow();
    });
  }

  // What waits is sent from whichever page is open; its answer is shown where nothing else is going on.
  async function begin() {
    const kept = await Outbox.all();
    const own = kept.find((row) => row.path === path);
    if (form?.dataset.returned !== undefined) keepDraft();
    else if (own && form) fill(own);
    else if (form && crypto.randomUUID) field("submission_id").value = crypto.randomUUID();
    const waiting = kept.filter((row) => row.sending);
    entry = form ? (own?.sending && form.dataset.returned === undefined ? own : null) : (waiting.find((row) => row.path === path) ?? waiting[0] ?? null);
    for (const other of waiting) if (other !== entry && other.path !== path) Outbox.send(other);
    for (const line of document.querySelectorAll("[data-none]")) line.hidden = waiting.length > 0;
    if (!entry) return;
    showWaiting();
    tryNow();
  }

  window.addEventListener("online", () => {
    delete root.dataset.kept;
    tellNetwork();
    tryNow();
  });
  window.addEventListener("offline", tellNetwork);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && tryNow());
  panel.querySelector("[data-again]").addEventListener("click", tryNow);
  panel.querySelector("[data-forget]").addEventListener("click", async (event) => {
    const button = event.currentTarget;
    if (button.dataset.sure === undefined) {
      button.dataset.sure = "";
      button.textContent = button.dataset.textSure;
      return;
    }
    const gone = entry;
    entry = null;
    clearTimeout(timer);
    await Outbox.drop(gone.path).catch(() => {});
    location.assign(strip.dataset.start);
  });

  tellNetwork();
  if (form) listen();
  begin().catch(() => {});

  const workers = navigator.serviceWorker;
  if (!workers) return;
  const isFirst = !workers.controller;
  workers.register(strip.dataset.worker).catch(() => {});
  workers.ready.then((worker) => isFirst && form && worker.active.postMessage({ keep: location.href }));
})();
