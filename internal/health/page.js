// Keeps the page of the sidecar as it is now: asks for it again, replaces the parts
// that have changed, and counts down. Without this script the page reloads itself.
"use strict";
(() => {
  const every = 2000;
  const body = document.body;
  if (!body.dataset.now) return; // the runbook has nothing that changes
  const stale = document.getElementById("stale");
  const known = new Map(Array.from(document.querySelectorAll("[data-part]"), (part) => [part.id, print(part)]));
  let ahead = Number(body.dataset.now) - Date.now(); // how far the sidecar's clock is ahead of ours
  let spoken = body.dataset.spoken;
  let answered = Date.now();

  // print is what a part consists of, without what changes as the time passes.
  function print(part) {
    const copy = part.cloneNode(true);
    for (const mark of copy.querySelectorAll("[data-until]")) {
      mark.textContent = "";
      mark.removeAttribute("value");
    }
    return copy.outerHTML;
  }

  const pad = (n) => String(n).padStart(2, "0");
  const clock = (seconds) => seconds >= 3600
    ? `${Math.floor(seconds / 3600)}:${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}`
    : `${Math.floor(seconds / 60)}:${pad(seconds % 60)}`;

  // The reader's own time beside the UTC one.
  const zone = new Date().getTimezoneOffset();
  function localise() {
    for (const time of document.querySelectorAll("time[datetime]")) {
      time.title = new Date(time.dateTime).toLocaleString() + " your time";
    }
    for (const own of document.querySelectorAll("[data-own]")) {
      const at = new Date(own.dataset.own).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
      own.textContent = zone === 0 ? "your clock is on UTC" : `${at} your time`;
    }
  }

  function count() {
    for (const mark of document.querySelectorAll("[data-until]")) {
      const left = Math.max(0, Math.ceil((Number(mark.dataset.until) - Date.now() - ahead) / 1000));
      if (mark.tagName === "PROGRESS") {
        mark.value = mark.max - left;
      } else {
        const text = left > 0 ? clock(left) : "now";
        if (mark.textContent !== text) mark.textContent = text;
      }
    }
  }

  // replace puts the new parts in, and the keyboard's focus back where it was.
  function replace(page) {
    for (const part of page.querySelectorAll("[data-part]")) {
      const now = print(part);
      if (known.get(part.id) === now) continue;
      known.set(part.id, now);
      const old = document.getElementById(part.id);
      const focus = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
      const fresh = document.importNode(part, true);
      old.replaceWith(fresh);
      if (focus) fresh.querySelector(`[href="${CSS.escape(focus)}"]`)?.focus({ preventScroll: true });
    }
    document.title = page.title;
    document.getElementById("icon").replaceWith(document.importNode(page.getElementById("icon"), true));
    if (page.body.dataset.spoken !== spoken) {
      spoken = page.body.dataset.spoken;
      document.getElementById("spoken").textContent = spoken;
    }
  }

  function silent() {
    if (Date.now() - answered < 3 * every) return; // one lost answer is nothing
    const text = `The sidecar does not answer. This page is from ${new Date(answered).toLocaleTimeString()} your time.`;
    if (stale.hidden) {
      stale.hidden = false;
      stale.textContent = text;
      document.getElementById("spoken").textContent = text;
    }
  }

  let asking = false;
  async function ask() {
    if (asking || document.hidden) return;
    asking = true;
    try {
      const answer = await fetch("/", { cache: "no-store", signal: AbortSignal.timeout(5000) });
      if (!answer.ok) throw new Error(answer.status);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (page.body.dataset.assets !== body.dataset.assets) return location.reload();
      answered = Date.now();
      ahead = Number(page.body.dataset.now) - answered;
      stale.hidden = true;
      replace(page);
      localise();
      count();
    } catch {
      silent();
    } finally {
      asking = false;
    }
  }

  localise();
  count();
  setInterval(count, 250);
  setInterval(ask, every);
  document.addEventListener("visibilitychange", ask);
})();
