// Sends a check-in when it can, and keeps it on this phone until the clinic has it.
// Without this file, or where the browser stores nothing, the form is sent as any form is.
(() => {
  "use strict";
  const strip = document.querySelector("[data-offline]");
  const panel = document.querySelector("[data-waiting]");
  const form = document.getElementById("checkin");
  let plain = true; // the browser reads the form to send it, not this file to keep it
  // Each opening of a form is a check-in of its own, also a blank one that this phone has kept.
  if (form && form.dataset.returned === undefined) form.elements.namedItem("submission_id").value = Outbox.newId();
  // Too much text is told beside its field; the server takes none of it as a whole.
  form?.addEventListener("formdata", ({ formData }) => {
    if (!plain) return;
    for (const input of form.querySelectorAll(".input")) formData.set(input.name, Outbox.brief(input.value));
  });
  if (!panel || !window.indexedDB || !window.fetch) return;
  const root = document.documentElement;
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
  const seen = new Set(); // of rows: whose news this page has shown
  const told = new Set(); // sections: what a page has to say of answers that were sent behind its back

  function tellNetwork() {
    const off = !navigator.onLine || root.dataset.kept !== undefined;
    root.classList.toggle("offline-now", off);
    strip.querySelector("[data-offline-words]").hidden = !off || !panel.hidden;
  }

  function read() {
    plain = false;
    const fields = [...new FormData(form)].filter(([name]) => !OWN.includes(name)).map(([name, value]) => [name, String(value)]);
    plain = true;
    return fields;
  }
  const grave = () => form.querySelector(":checked ~ .advice .box") !== null;
  // The numbers on this page, and the clinic's own: its answers may be shown by a page that knows no clinic.
  const clinicCall = () => document.querySelector('template[data-news="refused"]').content.querySelectorAll("[data-news-calls] a");
  const calls = () => [...document.querySelectorAll(".crisis a"), ...clinicCall()].map((a) => [a.textContent.trim(), a.getAttribute("href")]);
  const snapshot = (extra) => ({
    path, fields: [...read(), ...extra], submission: field("submission_id").value, changed: Date.now(), sending: false, felt: "", calls: calls(), grave: grave(),
  });

  function fill(kept) {
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
    document.dispatchEvent(new Event("page-replaced"));
    const heading = document.querySelector("main h1");
    if (!heading) return;
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }

  const callLinks = (numbers) => numbers.map(([label, href]) => {
    const link = document.createElement("a");
    link.textContent = label;
    link.href = href;
    return link;
  });

  // A button that deletes asks once more.
  function twice(event, act) {
    const button = event.currentTarget;
    if (button.dataset.sure !== undefined) return act();
    button.dataset.sure = "";
    button.textContent = button.dataset.textSure;
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
    panel.querySelector("[data-waiting-calls]").replaceChildren(...callLinks(numbers));
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
    if (result.state === "saved") return showPage(result.html);
    if (result.reason !== "incomplete") {
      // On the page now, with what to do; once more if that page is lost.
      seen.add(sent.submission);
      await Outbox.put({ ...sent, sending: false, news: result.reason, html: result.html, told: true }).catch(() => {});
      return showPage(result.html);
    }
    await Outbox.put({ ...sent, sending: false }).catch(() => {});
    // An answer needs a look: the page that says which one comes the plain way.
    if (!form) return location.assign(sent.path);
    field("reported_at").value = sent.felt;
    form.submit();
  }

  function showPage(html) {
    replacePage(html);
    document.querySelector("[data-news-here]")?.append(...told);
    return showNews();
  }

  // One answer of the server, in the words of the page it sent: the advice, who calls by when, or what was refused.
  function newsOf(row) {
    const page = new DOMParser().parseFromString(row.html, "text/html");
    const kind = row.news === "saved" ? "saved" : "refused";
    const section = document.querySelector(`template[data-news="${kind}"]`).content.firstElementChild.cloneNode(true);
    const words = page.querySelectorAll("main .box, main .saved__told");
    section.querySelector("[data-news-page]").append(...[...words].filter((el) => kind === "saved" || !el.closest("form")).map((el) => document.importNode(el, true)));
    const at = section.querySelector("[data-felt]");
    at.textContent = at.dataset.felt.replace("[time]", new Date(row.felt).toLocaleString(root.lang, { weekday: "long", hour: "numeric", minute: "2-digit" }));
    at.hidden = !row.felt;
    if (kind === "saved") return section;
    const open = section.querySelector("[data-news-open]");
    open.href = row.path;
    open.closest("p").hidden = !["incomplete", "too_long"].includes(row.news);
    const numbers = (row.calls ?? []).filter(([, href]) => href.startsWith("tel:"));
    if (numbers.length) section.querySelector("[data-news-calls]").replaceChildren(...callLinks(numbers));
    const review = page.querySelector("main dl.review");
    section.querySelector("details").hidden = !review;
    if (review) section.querySelector("details").append(document.importNode(review, true));
    section.querySelector("[data-news-forget]").addEventListener("click", (event) => twice(event, async () => {
      await Outbox.drop(row.submission).catch(() => {});
      told.delete(section);
      section.remove();
    }));
    return section;
  }

  async function showNews() {
    const place = document.querySelector("[data-news-here]");
    for (const row of (await Outbox.all()).filter((each) => each.news)) {
      if (!place || seen.has(row.submission) || row.submission === entry?.submission) continue;
      seen.add(row.submission);
      const section = newsOf(row);
      told.add(section);
      place.append(section);
      section.scrollIntoView({ block: "nearest" });
      if (row.news === "saved") await Outbox.forgetDraft(row.submission);
    }
  }

  // What waits besides the answers of this page.
  let sendingOthers = false;
  async function sendOthers() {
    if (sendingOthers) return;
    sendingOthers = true;
    try {
      const others = (await Outbox.all()).filter((row) => row.sending && row.submission !== entry?.submission);
      await Promise.all(others.map((row) => Outbox.sendUnseen(row)));
    } finally {
      sendingOthers = false;
    }
    await showNews();
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
    sendOthers().catch(() => {});
  }

  function keepDraft() {
    if (!entry) Outbox.draft(snapshot([])).catch(() => {});
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

  // What was begun here before goes on under this page's own id, whatever another tab does with its own.
  function goOn(draft) {
    fill(draft);
    // What the server wants to be looked at again is as young as a new draft; any other keeps its age.
    Outbox.draft({ ...snapshot([]), changed: draft.news ? Date.now() : draft.changed }).catch(() => {});
    if (draft.submission !== field("submission_id").value) Outbox.forgetDraft(draft.submission).catch(() => {});
  }

  // What waits is sent from whichever page is open; its answer is shown where nothing else is going on.
  async function begin() {
    const kept = await Outbox.all();
    const returned = form?.dataset.returned !== undefined;
    const waiting = kept.filter((row) => row.sending);
    const own = waiting.find((row) => row.path === path);
    const draft = kept.filter((row) => row.path === path && !row.sending && [undefined, "incomplete", "too_long"].includes(row.news)).sort((a, b) => b.changed - a.changed)[0];
    if (returned) {
      // The server was sent the beginning of a long text; all of it is here.
      const sent = kept.find((row) => row.submission === field("submission_id").value);
      for (const [name, value] of sent?.fields ?? []) if (value !== Outbox.brief(value) && field(name)) field(name).value = value;
      keepDraft();
    } else if (form && own) {
      field("submission_id").value = own.submission;
      fill(own);
    } else if (form && draft) goOn(draft);
    entry = (form ? !returned && own : own ?? waiting[0]) || null;
    for (const line of document.querySelectorAll("[data-none]")) line.hidden = waiting.length > 0;
    if (entry) showWaiting();
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
  panel.querySelector("[data-forget]").addEventListener("click", (event) => twice(event, async () => {
    const gone = entry;
    entry = null;
    clearTimeout(timer);
    await Outbox.drop(gone.submission).catch(() => {});
    location.assign(strip.dataset.start);
  }));

  tellNetwork();
  if (form) listen();
  begin().catch(() => {});

  const workers = navigator.serviceWorker;
  if (!workers) return;
  const isFirst = !workers.controller;
  workers.addEventListener("message", (event) => event.data?.news && showNews().catch(() => {}));
  let first = isFirst;
  workers.addEventListener("controllerchange", () => {
    if (!first && form) workers.controller?.postMessage({ keep: location.href });
    first = false;
  });
  workers.register(strip.dataset.worker).catch(() => {});
  workers.ready.then((worker) => isFirst && form && worker.active.postMessage({ keep: location.href }));
})();
