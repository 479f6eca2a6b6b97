// The service worker of the check-in pages: the blank form opens without network, and answers that
// wait on this phone are sent when the browser says that the network is back.
// It keeps the pages' own files and blank forms, never an answer: those are in the outbox.
/* global Outbox, SHELL, CACHE */
"use strict";
const START = new URL("./", self.location).pathname;

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(SHELL)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const forget = async () => {
    for (const name of await caches.keys()) if (name.startsWith("checkins") && name !== CACHE) await caches.delete(name);
    await self.clients.claim();
  };
  event.waitUntil(forget());
});

const blank = (part) => `${START}blank/${part}`;
const partOf = (path) => path.match(/\/(weekly|correct)\/$/)?.[1] ?? "first";

async function keep(response) {
  const part = response.headers.get("Checkin-Form");
  if (!part || !response.ok) return;
  const cache = await caches.open(CACHE);
  await cache.put(blank(part === "correction" ? "correct" : part), response.clone());
}

// The kept form says that it is one: who is watching now is not known without network.
async function kept(path) {
  const cache = await caches.open(CACHE);
  const found = (await cache.match(blank(partOf(path)))) ?? (await cache.match(START));
  if (!found) return Response.error();
  const headers = new Headers(found.headers);
  headers.delete("Content-Encoding");
  headers.delete("Content-Length");
  // Its id has served already: without script the server makes a new one.
  const html = (await found.text()).replace("<html ", "<html data-kept ").replace(/(name="submission_id" value=")[^"]*/, "$1");
  return new Response(html, { status: 200, headers });
}

async function page(request) {
  const path = new URL(request.url).pathname;
  try {
    const response = await fetch(request);
    await keep(response).catch(() => {});
    return response;
  } catch {
    return path === START ? ((await caches.match(START)) ?? Response.error()) : kept(path);
  }
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  if (request.mode === "navigate") event.respondWith(page(request));
  else if (SHELL.includes(new URL(request.url).pathname)) {
    event.respondWith(caches.match(request).then((found) => found ?? fetch(request)));
  }
});

// The page that installed this worker was loaded without it: its blank form is fetched once more.
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
