// Answers that the clinic does not have yet. They stay on this phone alone and go as soon as the
// server says that it has them. The page and the service worker both use this file, so it touches no document.
const Outbox = (() => {
  "use strict";
  const DRAFT_HOURS = 12; // [proposal] what was begun and never sent is forgotten after this: a phone may be shared
  const SECONDS = 20; // a request that hangs counts as failed: the server makes one check-in of all tries

  function store(mode, act) {
    return new Promise((resolve, reject) => {
      const opening = indexedDB.open("checkins", 1);
      opening.onupgradeneeded = () => opening.result.createObjectStore("unsent", { keyPath: "path" });
      opening.onerror = () => reject(opening.error);
      opening.onsuccess = () => {
        const database = opening.result;
        const asked = act(database.transaction("unsent", mode).objectStore("unsent"));
        asked.transaction.oncomplete = () => {
          database.close();
          resolve(asked.result);
        };
        asked.transaction.onabort = () => reject(asked.transaction.error);
      };
    });
  }

  // An entry: {path, fields, submission, changed, sending, felt, calls}. `fields` are the form's
  // names and values, `sending` is true once Send was tapped, `felt` when that was.
  const put = (entry) => store("readwrite", (rows) => rows.put(entry));
  const get = (path) => store("readonly", (rows) => rows.get(path));
  const drop = (path) => store("readwrite", (rows) => rows.delete(path));

  async function all() {
    const rows = await store("readonly", (kept) => kept.getAll());
    const oldest = Date.now() - DRAFT_HOURS * 3600e3;
    const stale = rows.filter((row) => !row.sending && row.changed < oldest);
    for (const row of stale) await drop(row.path);
    return rows.filter((row) => !stale.includes(row));
  }

  // Returns {state: "saved" | "refused" | "waiting", reason, html}. Only the server's own headers count: a
  // sign-in page of a hotel, or an answer cut in the middle, is neither a yes nor a no.
  async function send(entry) {
    const body = new URLSearchParams(entry.fields);
    body.set("submission_id", entry.submission);
    body.set("reported_at", entry.felt);
    body.set("sent_at", new Date().toISOString());
    const giveUp = new AbortController();
    const timer = setTimeout(() => giveUp.abort(), SECONDS * 1000);
    try {
      const response = await fetch(entry.path, {
        method: "POST", body, credentials: "omit", redirect: "error", cache: "no-store", signal: giveUp.signal,
      });
      const html = await response.text();
      if (response.headers.get("Checkin-Saved") === entry.submission) {
        await drop(entry.path).catch(() => {});
        return { state: "saved", html };
      }
      const reason = response.headers.get("Checkin-Refused");
      if (reason) return { state: "refused", reason, html };
    } catch {
      // No network, or it broke off: the next try tells.
    } finally {
      clearTimeout(timer);
    }
    return { state: "waiting", html: "" };
  }

  return { put, get, drop, all, send };
})();
