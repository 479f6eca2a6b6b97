// The board asks every other second whether anything changed and draws only the lines that did, so
// that a form half filled in, the focus and the place on the page stay. Without this file the board
// works as a page of plain forms. Its design is in docs/adr/0018-live-board.md.
(() => {
  "use strict";
  const board = document.querySelector("[data-board]");
  const pick = (name) => document.querySelector(`[data-${name}]`);
  const LOOK = 2000; // ms between questions while the page is seen
  const HIDDEN = 20000; // and while it is not
  const QUIET = 10000; // without an answer for so long the page says that it is old
  const SIGNED_OUT = "You are signed out.";
  const NO_RIGHT = "Your role may not see the board any more.";
  const ELSEWHERE = "You changed to another clinic.";
  let mark = `W/"${board.dataset.mark}"`;
  let heard = Date.now();
  let timer = 0;
  let asking = false;
  let over = false;
  let owed = false; // a line has changed behind an open form: it is drawn when the form is put away

  // --- what is shown -----------------------------------------------------------------------------
  const clock = (moment) => moment.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: board.dataset.zone });
  const gone = (words) => {
    pick("gone").hidden = !words;
    if (words && pick("gone-words").textContent !== words) pick("gone-words").textContent = words;
  };
  const say = (words, undo) => {
    pick("said").hidden = false;
    pick("said-words").textContent = words;
    pick("undo").hidden = !undo;
    if (undo) pick("undo").action = undo;
  };
  const age = (since) => {
    const minutes = Math.max(0, Math.floor((Date.now() - Date.parse(since)) / 60000));
    if (minutes < 60) return minutes ? `${minutes} min` : "under 1 min";
    return minutes < 2880 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 1440)} d`;
  };
  const tick = () => {
    for (const shown of document.querySelectorAll("[data-since]")) {
      const now = age(shown.dataset.since);
      if (shown.textContent !== now) shown.textContent = now;
    }
  };
  const title = document.title;
  const count = () => {
    const open = board.querySelectorAll(".lv-emergency [data-take], .lv-urgent [data-take]").length;
    document.title = open ? `(${open}) ${title}` : title;
  };

  // --- drawing only what changed -------------------------------------------------------------------
  const busy = (line) => {
    const form = line.querySelector("details[open]");
    return Boolean(form) || (line.contains(document.activeElement) && document.activeElement.matches("select, textarea"));
  };
  const replace = (old, fresh) => {
    const focused = old.contains(document.activeElement);
    const ticked = old.querySelector(".job__pick:checked");
    old.replaceWith(fresh);
    if (ticked && fresh.querySelector(".job__pick")) fresh.querySelector(".job__pick").checked = true;
    if (focused) fresh.querySelector("[data-open]").focus();
  };
  const mergeLines = (list, wanted) => {
    const old = new Map([...list.children].map((line) => [line.dataset.key, line]));
    let before = null;
    for (const fresh of [...wanted.children]) {
      let line = old.get(fresh.dataset.key);
      old.delete(fresh.dataset.key);
      if (!line) {
        line = fresh;
        if (fresh.dataset.level === "emergency" || fresh.dataset.level === "urgent") {
          pick("announce").textContent = `New ${fresh.dataset.level} alert: ${fresh.querySelector("[data-open]").textContent}`;
        }
      } else if (line.dataset.rowMark !== fresh.dataset.rowMark) {
        if (busy(line)) owed = true;
        else {
          replace(line, fresh);
          line = fresh;
        }
      }
      const place = before ? before.nextSibling : list.firstChild;
      if (place !== line) {
        const focus = line.contains(document.activeElement) ? document.activeElement : null;
        list.insertBefore(line, place);
        if (focus) focus.focus();
      }
      before = line;
    }
    for (const [, line] of old) {
      if (busy(line)) owed = true;
      else {
        const next = line.nextElementSibling || line.previousElementSibling;
        const focused = line.contains(document.activeElement);
        line.remove();
        if (focused && next) next.querySelector("[data-open]").focus();
      }
    }
  };
  const merge = (html) => {
    owed = false;
    const fresh = new DOMParser().parseFromString(html, "text/html");
    for (const part of fresh.querySelectorAll("[data-live]")) {
      const old = board.querySelector(`[data-live="${part.dataset.live}"]`);
      if (old && old.innerHTML !== part.innerHTML) old.replaceWith(part);
    }
    const lists = board.querySelectorAll("[data-lines]");
    fresh.querySelectorAll("[data-lines]").forEach((wanted, at) => mergeLines(lists[at], wanted));
    chosen();
    count();
  };

  // --- asking ----------------------------------------------------------------------------------------
  const end = (why) => {
    over = true;
    gone(`${why} What you see is from ${clock(new Date(heard))} and does not change any more. `);
    const link = document.createElement("a");
    link.href = board.dataset.signIn;
    link.textContent = why === SIGNED_OUT ? "Sign in again" : "Look again";
    pick("gone-words").append(link);
  };
  // A sign-in in another tab makes every form of this page out of date, not the person.
  const renewed = async () => {
    const answer = await fetch(board.dataset.url, { headers: { "X-Board": board.dataset.clinic }, redirect: "manual", cache: "no-store" });
    if (answer.status !== 200) return "";
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const token = fresh.querySelector("[name=csrfmiddlewaretoken]")?.value || "";
    for (const field of token ? document.querySelectorAll("[name=csrfmiddlewaretoken]") : []) field.value = token;
    return token;
  };
  const look = async () => {
    clearTimeout(timer);
    if (asking || over) return;
    asking = true;
    if (owed && !lines().some(busy)) mark = "";
    try {
      const answer = await fetch(board.dataset.url, {
        headers: { "If-None-Match": mark, "X-Board": board.dataset.clinic },
        redirect: "manual",
        cache: "no-store",
        signal: AbortSignal.timeout(8000),
      });
      if (answer.type === "opaqueredirect" || answer.status === 401) return end(SIGNED_OUT);
      if (answer.status === 403) return end(NO_RIGHT);
      if (answer.status === 409) return end(ELSEWHERE);
      if (answer.status === 200) {
        merge(await answer.text());
        mark = answer.headers.get("ETag") || mark;
      } else if (answer.status !== 304) {
        throw new Error("no board");
      }
      heard = Date.now();
      pick("asof").textContent = clock(new Date(heard));
      gone("");
    } catch {
      if (Date.now() - heard > QUIET) {
        gone(`No connection since ${clock(new Date(heard))}: this board may be out of date. Call the person on call if in doubt.`);
      }
    } finally {
      asking = false;
      tick();
      if (!over) timer = setTimeout(look, document.hidden ? HIDDEN : LOOK);
    }
  };
  document.addEventListener("visibilitychange", () => document.hidden || look());

  // --- doing -----------------------------------------------------------------------------------------
  const wrong = (form, errors) => {
    for (const place of form.querySelectorAll("[data-error]")) {
      const name = place.dataset.error;
      const told = errors[name] || (name === "" ? errors.__all__ : null);
      place.textContent = told ? told[0] : "";
      const field = name && form.elements[name];
      if (field) field.classList.toggle("is-invalid", Boolean(told));
    }
    const first = form.querySelector(".is-invalid");
    if (first) first.focus();
    else if (!form.querySelector('[data-error=""]')) say((errors[""] || ["Not done."])[0]);
  };
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches("[data-act], [data-undo]")) return;
    event.preventDefault();
    const sent = new FormData(form, event.submitter);
    const post = () => fetch(form.action, {
      method: "POST", body: sent, headers: { "X-Board": "1" }, redirect: "manual",
    });
    if (event.submitter) event.submitter.disabled = true;
    try {
      let answer = await post();
      const token = answer.status === 403 ? await renewed() : "";
      if (token) {
        sent.set("csrfmiddlewaretoken", token);
        answer = await post();
      }
      if (answer.status === 204) {
        const line = form.closest("[data-key]");
        const open = line && line.querySelector("details[open]");
        if (open) open.open = false;
        if (form.id === "together") form.reset();
        if (line && !line.contains(document.activeElement)) line.querySelector("[data-open]").focus();
        say(decodeURIComponent(answer.headers.get("X-Said")), answer.headers.get("X-Undo"));
        mark = "";
        await look();
      } else if (answer.status === 422) {
        wrong(form, (await answer.json()).errors);
        look();
      } else if (answer.status === 409) {
        end(ELSEWHERE);
      } else if (answer.type === "opaqueredirect") {
        end(SIGNED_OUT);
      } else if (answer.status === 403) {
        gone("That was not done: your role may not do it any more. Ask the clinic admin.");
      } else {
        throw new Error("not done");
      }
    } catch {
      gone("That was not sent: no connection. Nothing is lost; try again, or reload the page.");
    } finally {
      if (event.submitter) event.submitter.disabled = false;
    }
  });
  const chosen = () => {
    const ticked = board.querySelectorAll(".job__pick:checked").length;
    const words = pick("chosen");
    if (words) words.textContent = ticked ? `${ticked} chosen` : "Several at once";
    const bar = document.getElementById("together");
    if (bar) bar.classList.toggle("is-chosen", ticked > 0);
  };
  board.addEventListener("change", chosen);

  // --- keys ------------------------------------------------------------------------------------------
  const dialog = pick("keys");
  const stored = () => { try { return localStorage.getItem("board-keys") !== "off"; } catch { return true; } };
  let keysOn = stored();
  pick("keys-on").checked = keysOn;
  pick("keys-on").addEventListener("change", (event) => {
    keysOn = event.target.checked;
    try { localStorage.setItem("board-keys", keysOn ? "on" : "off"); } catch { /* only for this page */ }
  });
  pick("keys-open").hidden = false;
  pick("keys-open").addEventListener("click", () => dialog.showModal());
  const lines = () => [...board.querySelectorAll("[data-key]")];
  const here = () => lines().findIndex((line) => line.contains(document.activeElement));
  const move = (by) => {
    const all = lines();
    if (!all.length) return;
    const to = Math.min(Math.max(here() + by, 0), all.length - 1);
    all[here() === -1 ? 0 : to].querySelector("[data-open]").focus();
  };
  const inLine = (what) => { const line = lines()[here()]; return line && line.querySelector(what); };
  const keys = {
    j: () => move(1),
    k: () => move(-1),
    o: () => inLine("[data-open]")?.click(),
    t: () => inLine("[data-take]")?.click(),
    x: () => inLine(".job__pick")?.click(),
    s: () => document.querySelector("#together button")?.focus(),
    c: () => {
      const close = inLine("[data-close]");
      if (!close) return;
      close.click();
      close.closest("details")?.querySelector("select").focus();
    },
    "?": () => dialog.showModal(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      const open = document.activeElement.closest?.("details[open]");
      if (open && board.contains(open)) {
        open.open = false;
        open.querySelector("summary").focus();
      }
      return;
    }
    if (!keysOn || event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
    if (event.target.matches("input:not([type=checkbox]), select, textarea")) return;
    const act = keys[event.key];
    if (act) { event.preventDefault(); act(); }
  });

  count();
  setInterval(tick, 15000);
  timer = setTimeout(look, LOOK);
})();
