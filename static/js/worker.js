// The service worker of the check-in pages: the blank form opens without network, and answers that
// wait on this phone are sent when the browser says that the network is back.
// It keeps the pages' own files and blank forms, never an answer: those are in the outbox.
/* global Outbox, SHELL, CACHE */
"use strict";
const START = new URL("./", self.location).pathname;
const PATIENCE = 8000; // ms [proposal] for a page, where this phone has its form

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(SHELL)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(forget().catch(() => {}).then(() => self.clients.claim()));
});

// This version's own cache first, then the former ones, newest first.
// A cache younger than this version's own belongs to the worker that comes next: it is left alone.
async function newestFirst() {
  const names = (await caches.keys()).filter((name) => name.startsWith("checkins"));
  return [CACHE, ...names.slice(0, Math.max(0, names.indexOf(CACHE))).reverse()];
}

async function find(request) {
  for (const name of await newestFirst()) {
    const found = await (await caches.open(name)).match(request);
    if (found) return found;
  }
  return undefined;
}

// A former cache goes when each of its blank forms is kept by a newer one: a new release takes no form from the phone.
async function forget() {
  const newer = new Set();
  for (const name of await newestFirst()) {
    const forms = (await (await caches.open(name)).keys()).map((request) => request.url).filter((url) => url.includes("/blank/"));
    if (name !== CACHE && forms.every((url) => newer.has(url))) await caches.delete(name);
    for (const url of forms) newer.add(url);
  }
}

const blank = (part) => `${START}blank/${part}`;
const partOf = (path) => path.match(/\/(weekly|correct)\/$/)?.[1] ?? "first";

async function keep(response) {
  const part = response.headers.get("Checkin-Form");
  if (!part || !response.ok) return;
  const cache = await caches.open(CACHE);
  await cache.put(blank(part === "correction" ? "correct" : part), response.clone());
  await forget();
}

// The kept form says that it is one: who is watching now is not known without network.
async function kept(path) {
  const found = (await find(blank(partOf(path)))) ?? (await find(START));
  if (!found) return Response.error();
  const headers = new Headers(found.headers);
  headers.delete("Content-Encoding");
  headers.delete("Content-Length");
  // Its id has served already: without script the server makes a new one.
  const html = (await found.text()).replace("<html ", "<html data-kept ").replace(/(name="submission_id" value=")[^"]*/, "$1");
  return new Response(html, { status: 200, headers });
}

async function fromServer(request) {
  const response = await fetch(request);
  if ([502, 503, 504].includes(response.status)) throw new Error("the server is away"); // as good as no network
  await keep(response).catch(() => {});
  return response;
}

// A line that hangs, or a server that is away, is no network: the kept form has the advice and keeps the answers.
async function page(request) {
  const path = new URL(request.url).pathname;
  const asked = fromServer(request);
  const waited = new Promise((resolve) => setTimeout(resolve, PATIENCE));
  const here = () => find(path === START ? START : blank(partOf(path)));
  try {
    return await Promise.race([asked, waited.then(async () => ((await here()) ? Promise.reject(new Error("the line hangs")) : asked))]);
  } catch {
    return path === START ? ((await find(START)) ?? Response.error()) : kept(path);
  }
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  if (request.mode === "navigate") event.respondWith(page(request));
  else if (["script", "style", "image"].includes(request.destination)) event.respondWith(find(request).then((found) => found ?? fetch(request)));
});

// The page was loaded without this worker, or by a former one: its blank form is fetched once more.
self.addEventListener("message", (event) => {
  if (event.data?.keep) event.waitUntil(fetch(event.data.keep).then(keep).catch(() => {}));
});

self.addEventListener("sync", (event) => {
  const sendAll = async () => {
    const waiting = (await Outbox.all()).filter((entry) => entry.sending);
    const results = await Promise.all(waiting.map((entry) => Outbox.sendUnseen(entry)));
    for (const page of await self.clients.matchAll({ includeUncontrolled: true })) page.postMessage({ news: true });
    // A failure asks the browser to try again later.
    if (results.some((result) => result.state === "waiting")) throw new Error("not sent yet");
  };
  event.waitUntil(sendAll());
});
