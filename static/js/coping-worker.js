// The service worker of the coping plan alone: its kept copy opens without network, or when the
// sign-in is over. It keeps a copy only after its reader asked for it.
/* global PAGE, FILES */
"use strict";
const CACHE = "coping";
const PATIENCE = 4000;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

async function keepCopy() {
  const response = await fetch(`${PAGE}?kept=1`, { redirect: "manual", credentials: "same-origin" });
  if (!response.ok) throw new Error("not shown");
  const cache = await caches.open(CACHE);
  await cache.addAll(FILES);
  await cache.put(PAGE, response);
}

self.addEventListener("message", (event) => {
  if (event.data !== "keep") return;
  const forget = () => caches.delete(CACHE).then(() => event.ports[0].postMessage("failed"));
  event.waitUntil(keepCopy().then(() => event.ports[0].postMessage("kept"), forget));
});

const copy = async () => (await caches.has(CACHE)) ? (await caches.open(CACHE)).match(PAGE) : undefined;
const late = () => new Promise((_, no) => { setTimeout(no, PATIENCE); });

// The newest page where it can be had; else the copy: also when the page sends to the sign-in, or
// the server answers with an error.
async function page(request, refresh) {
  const kept = await copy();
  if (!kept) return fetch(request);
  try {
    const response = await Promise.race([fetch(request), late()]);
    if (response.ok) refresh();
    return response.ok ? response : kept;
  } catch {
    return kept;
  }
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const path = new URL(request.url).pathname;
  if (request.method !== "GET") return;
  if (request.mode === "navigate" && path === PAGE) {
    event.respondWith(page(request, () => event.waitUntil(keepCopy().catch(() => {}))));
  } else if (FILES.includes(path)) {
    event.respondWith(caches.match(request).then((found) => found ?? fetch(request)));
  }
});
