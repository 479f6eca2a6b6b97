// Keeps the coping plan on this phone when its reader asks for it, and takes it off again.
// Without this file, or where the browser keeps nothing, the page is as it was.
(() => {
  "use strict";
  const box = document.querySelector("[data-keep-coping]");
  if (!box || !("serviceWorker" in navigator) || !window.caches) return;
  const scope = box.dataset.page;
  const part = (name) => box.querySelector(`[data-${name}]`);

  function show(isKept) {
    part("not-kept").hidden = isKept;
    part("is-kept").hidden = !isKept;
    part("keep-failed").hidden = true;
    box.hidden = false;
  }

  const failed = () => { part("keep-failed").hidden = false; };

  async function keep() {
    await navigator.serviceWorker.register(box.dataset.worker, { scope });
    const worker = await navigator.serviceWorker.getRegistration(scope).then((found) => found.active ?? found.installing ?? found.waiting);
    await new Promise((done, no) => {
      const line = new MessageChannel();
      const late = setTimeout(no, 15000);
      line.port1.onmessage = (event) => { clearTimeout(late); (event.data === "kept" ? done : no)(); };
      worker.postMessage("keep", [line.port2]);
    });
    show(true);
  }

  async function drop() {
    for (const name of await caches.keys()) if (name.startsWith("coping")) await caches.delete(name);
    await (await navigator.serviceWorker.getRegistration(scope))?.unregister();
    show(false);
  }

  part("keep").addEventListener("click", () => keep().catch(failed));
  part("drop").addEventListener("click", () => drop().catch(failed));
  caches.has("coping").then(show, () => {});
})();
