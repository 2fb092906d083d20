// One slider for all panels. Pictures are decoded when they are looked at, all panels of a frame change at once.
"use strict";
(() => {
  const LAYERS = ["frame", "depth", "flow", "hidden", "moving"];
  const KINDS = { frame: "webp", depth: "webp", flow: "webp", hidden: "png", moving: "png" };
  const KEPT = 24; // frames whose pictures stay decoded
  const AHEAD = 3; // frames that are decoded before they are due

  const byId = (name) => document.getElementById(`player-${name}`);
  const panels = byId("panels");
  const facts = JSON.parse(byId("facts").textContent);
  const sources = document.querySelectorAll(".player-frame");
  const slider = byId("slider"), play = byId("play"), speed = byId("speed"), place = byId("place");
  const mark = panels.querySelector(".mark");
  const layers = [...panels.querySelectorAll("[data-layer]")];
  const last = sources.length - 1;
  const decoded = new Map();

  let wanted = 0, shown = -1, busy = false, playing = false;

  /** Addresses of a frame's pictures once the browser has decoded them; an empty one where there is none. */
  function pictures(index) {
    if (!decoded.has(index)) {
      const texts = JSON.parse(sources[index].textContent);
      const waiting = LAYERS.map(async (layer, number) => {
        if (!texts[number]) return null;
        const picture = new Image();
        picture.src = `data:image/${KINDS[layer]};base64,${texts[number]}`;
        await picture.decode();
        return picture;
      });
      decoded.set(index, Promise.all(waiting));
      for (const old of [...decoded.keys()].slice(0, Math.max(0, decoded.size - KEPT))) decoded.delete(old);
    }
    return decoded.get(index);
  }

  function percent(share) {
    return share === null ? "" : `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} % of the frame`;
  }

  function draw(index, found) {
    for (const layer of layers) {
      const picture = found[LAYERS.indexOf(layer.dataset.layer)];
      const panel = layer.closest(".panel");
      if (panel.dataset.panel === layer.dataset.layer) panel.classList.toggle("empty", picture === null);
      if (picture === null) continue;
      layer.src = picture.src;
      if (layer.dataset.says) layer.alt = `${layer.dataset.says}, frame ${facts.numbers[index]}`;
    }
    const [x, y, degrees] = facts.marks[index];
    mark.setAttribute("transform", `translate(${x} ${y}) rotate(${degrees})`);
    byId("hidden-share").textContent = percent(facts.hidden[index]);
    byId("moving-share").textContent = percent(facts.moving[index]);
    if (facts.learned) byId("learned").textContent = facts.learned[index] ? "learned from" : "never learned from";
    panels.dataset.shown = index;
  }

  function tell(index) {
    const seconds = facts.times ? `, ${facts.times[index].toFixed(2)} s` : "";
    const text = `${facts.numbers[index]} of ${facts.total}${seconds}`;
    slider.value = index;
    slider.setAttribute("aria-valuetext", `frame ${text}`);
    place.textContent = text;
  }

  /** Shows a frame, or the latest one that was asked for meanwhile. */
  async function show(index) {
    wanted = Math.min(last, Math.max(0, index));
    tell(wanted);
    if (busy) return;
    busy = true;
    try {
      while (shown !== wanted) {
        const next = wanted;
        draw(next, await pictures(next));
        shown = next;
      }
    } finally {
      busy = false;
    }
    for (let ahead = 1; ahead <= AHEAD && shown + ahead <= last; ahead++) pictures(shown + ahead);
  }

  function setPlaying(now) {
    playing = now;
    play.textContent = now ? "Pause" : "Play";
    play.setAttribute("aria-label", now ? "Pause" : "Play");
    if (!now) return;
    if (wanted === last) show(0);
    requestAnimationFrame(function begin(start) {
      let due = start;
      requestAnimationFrame(async function tick(time) {
        if (!playing) return;
        const interval = 1000 / (facts.rate * Number(speed.value));
        const steps = Math.floor((time - due) / interval);
        if (steps > 0) {
          due += steps * interval;
          await show(wanted + steps);
          if (wanted === last) return setPlaying(false);
        }
        requestAnimationFrame(tick);
      });
    });
  }

  function isOurs(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return false;
    if (event.target === speed || (event.target === play && event.key === " ")) return false;
    if (panels.contains(event.target)) return true;
    const box = panels.getBoundingClientRect();
    return event.target === document.body && box.bottom > 0 && box.top < innerHeight;
  }

  document.addEventListener("keydown", (event) => {
    if (!isOurs(event)) return;
    const moves = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 };
    const upright = /^(ArrowUp|ArrowDown|PageUp|PageDown|Home|End)$/.test(event.key);
    if (upright && event.target !== slider) return; // they scroll the page
    if (event.key === " ") setPlaying(!playing);
    else if (event.key === "Home" || event.key === "End") show(event.key === "Home" ? 0 : last);
    else if (event.key in moves) show(wanted + moves[event.key] * (event.shiftKey ? 10 : 1));
    else return;
    if (event.key !== " ") setPlaying(false);
    event.preventDefault();
  });
  slider.addEventListener("input", () => {
    setPlaying(false);
    show(Number(slider.value));
  });
  play.addEventListener("click", () => setPlaying(!playing));
  for (const figure of panels.querySelectorAll("figure")) {
    figure.addEventListener("click", () => slider.focus({ preventScroll: true }));
  }
  for (const control of [slider, play, speed]) control.disabled = last < 1;
  show(0);
})();
