// Answers that the clinic does not have yet. They stay on this phone alone and go as soon as the
// server says that it has them. The page and the service worker both use this file, so it touches no document.
const Outbox = (() => {
  "use strict";
  const DRAFT_HOURS = 12; // [proposal] what was begun and never sent, or sent and told to nobody, is forgotten after this: a phone may be shared
  const OPENING = 3000; // ms: another page of a former version may hold the store, and a red flag must not wait for it
  const LONGEST = 2000; // letters of one field that are sent: more than any question takes, so the server tells of it beside the field
  const TAPPED = 40; // letters: the value of any answer that is tapped is shorter
  const SECONDS = 20; // a request that hangs counts as failed: the server makes one check-in of all tries

  // Rows were keyed by the page's address once: two tabs of one link wrote over each other.
  function upgrade(opening) {
    const database = opening.result;
    const fresh = (rows) => {
      const store = database.createObjectStore("unsent", { keyPath: "submission" });
      const taken = new Set();
      for (const row of rows) {
        // Two addresses could share an id: neither row writes over the other.
        if (!row.submission || taken.has(row.submission)) row.submission = newId();
        taken.add(row.submission);
        store.put(row);
      }
    };
    if (!database.objectStoreNames.contains("unsent")) return fresh([]);
    opening.transaction.objectStore("unsent").getAll().onsuccess = (found) => {
      database.deleteObjectStore("unsent");
      fresh(found.target.result);
    };
  }

  function store(mode, act) {
    return new Promise((resolve, reject) => {
      const opening = indexedDB.open("checkins", 2);
      let late = false;
      const giveUp = () => {
        late = true;
        reject(new Error("the store is held by another page"));
      };
      const timer = setTimeout(giveUp, OPENING);
      opening.onblocked = giveUp;
      opening.onupgradeneeded = () => upgrade(opening);
      opening.onerror = () => {
        clearTimeout(timer);
        reject(opening.error);
      };
      opening.onsuccess = () => {
        const database = opening.result;
        if (late) return database.close();
        database.onversionchange = () => database.close();
        // A page that sleeps in the middle of its own write keeps this one waiting, too: what was asked
        // for happens when that page wakes up, and nobody waits for it any longer.
        const asked = act(database.transaction("unsent", mode).objectStore("unsent"));
        const end = (finish, value) => {
          clearTimeout(timer);
          database.close();
          finish(value);
        };
        asked.transaction.oncomplete = () => end(resolve, asked.result);
        asked.transaction.onabort = () => end(reject, asked.transaction.error);
      };
    });
  }

  function newId() {
    if (crypto.randomUUID) return crypto.randomUUID();
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    return [...bytes].map((byte, at) => ([4, 6, 8, 10].includes(at) ? "-" : "") + byte.toString(16).padStart(2, "0")).join("");
  }

  // An entry: {submission, path, fields, changed, sending, felt, calls, news, html}. `fields` are the form's
  // names and values, `grave` is true where a tap has shown advice, `sending` is true once Send was tapped,
  // `felt` when that was. `news` is what the server said
  // while no page was there to show it: "saved", or why it was refused; `html` is its page. `told` is true where
  // the page of that very form has shown the refusal.
  const put = (entry) => store("readwrite", (rows) => rows.put(entry));
  const drop = (submission) => store("readwrite", (rows) => rows.delete(submission));

  // Changes a row in one transaction, so that nothing comes between the look and the write.
  const change = (submission, next) => store("readwrite", (rows) => {
    const asked = rows.get(submission);
    asked.onsuccess = () => {
      const row = next(asked.result);
      if (row) rows.put(row);
      else if (row === null) rows.delete(submission);
    };
    return asked;
  });

  // A draft never takes the place of answers that are on their way.
  const draft = (entry) => change(entry.submission, (row) => (row?.sending ? undefined : entry));
  const forgetDraft = (submission) => change(submission, (row) => (row && !row.sending ? null : undefined));

  async function all() {
    const rows = await store("readonly", (kept) => kept.getAll());
    const oldest = Date.now() - DRAFT_HOURS * 3600e3;
    // Nobody has these answers. They stay where nobody knows that, and where only the day was full.
    const refused = (row) => row.news && row.news !== "saved" && (!row.told || row.news === "enough");
    const stale = rows.filter((row) => !row.sending && !refused(row) && row.changed < oldest);
    for (const row of stale) await forgetDraft(row.submission);
    return rows.filter((row) => !stale.includes(row));
  }

  const brief = (value) => value.slice(0, LONGEST);

  // Returns {state: "saved" | "refused" | "waiting", reason, html}. Only the server's own headers count: a
  // sign-in page of a hotel, or an answer cut in the middle, is neither a yes nor a no.
  async function ask(entry) {
    const result = await post(entry, entry.fields.map(([name, value]) => [name, brief(value)]));
    // Still too much, and dangerous: the answers that were tapped get through alone.
    if (result.reason !== "too_long" || !entry.grave) return result;
    return post(entry, [...entry.fields.filter(([, value]) => value.length < TAPPED), ["at_once", "1"]]);
  }

  async function post(entry, fields) {
    const body = new URLSearchParams(fields);
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
      if (response.headers.get("Checkin-Saved") === entry.submission) return { state: "saved", html };
      const reason = response.headers.get("Checkin-Refused");
      if (reason) return { state: "refused", reason, html };
    } catch {
      // No network, or it broke off: the next try tells.
    } finally {
      clearTimeout(timer);
    }
    return { state: "waiting", html: "" };
  }

  async function send(entry) {
    const result = await ask(entry);
    if (result.state === "saved") await drop(entry.submission).catch(() => {});
    return result;
  }

  // Sends while nobody looks: what the server said is kept until a page has shown it. A page that has sent
  // the same answers meanwhile, and told of them, has taken the row away.
  async function sendUnseen(entry) {
    const result = await ask(entry);
    if (result.state === "waiting") return result;
    const news = result.state === "saved" ? "saved" : result.reason;
    const told = { sending: false, news, html: result.html, changed: Date.now() };
    await change(entry.submission, (row) => (row?.sending ? { ...row, ...told } : undefined)).catch(() => {});
    return result;
  }

  return { put, drop, draft, forgetDraft, all, send, sendUnseen, newId, brief };
})();
