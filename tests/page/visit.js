"use strict";
// Walks through a page and writes to the root element what is wrong, or "ok".
(() => {
  const wrong = [];
  const must = (holds, what) => holds || wrong.push(what);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const shown = (element) => getComputedStyle(element).display !== "none";
  const tick = (box, on) => {
    box.checked = on;
    box.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const items = all("#list > article");
  // A look at the style of what is far below is slow: of many, some are looked at.
  const some = items.filter((_, at) => items.length < 50 || at % 100 === 0);
  const boxes = all(".filters input[type=checkbox]");
  for (const box of boxes) {
    const [kind, ...rest] = box.id.split("-");
    const value = rest.join("-");
    tick(box, false);
    const mine = items.filter((item) => item.dataset[kind] === value);
    const hidden = some.filter((item) => mine.includes(item));
    must(mine.length > 0 && hidden.every((item) => !shown(item)), box.id + " hides nothing");
    const said = document.getElementById("count").textContent;
    must(said.startsWith(items.length - mine.length + " of "), "the count says " + said);
    tick(box, true);
    must(some.every(shown), box.id + " keeps something hidden");
  }
  const search = document.getElementById("search");
  if (search) {
    search.value = "no-such-word-anywhere";
    search.dispatchEvent(new Event("input", { bubbles: true }));
    must(!some.some(shown), "the search finds what is not there");
    search.value = "";
    search.dispatchEvent(new Event("input", { bubbles: true }));
    must(some.every(shown), "an empty search hides something");
  }

  // Light and dark, unified and side by side.
  const rgb = (text) => {
    const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const light = ({ r, g, b }) => {
    const part = (v) => ((v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor);
      if (colour.a > 0) return colour;
    }
    return { r: 255, g: 255, b: 255 };
  };
  all("details").forEach((details) => (details.open = true));
  const texts = all("h1,h2,h3,p,a,code,.badge,.dim,.n,label,legend,del,ins,mark,.diff i,th,td,summary");
  const sample = texts.filter((text) => !text.closest("svg")).slice(0, 400);
  for (const theme of ["light", "dark"]) {
    document.getElementById("theme-" + theme).click();
    for (const text of sample) {
      const pair = [light(rgb(getComputedStyle(text).color)), light(behind(text))].sort((a, b) => b - a);
      const contrast = (pair[0] + 0.05) / (pair[1] + 0.05);
      const what = text.tagName + "." + text.className;
      must(contrast >= 4.5, theme + " contrast of " + what + " is " + contrast.toFixed(1));
    }
  }
  const side = document.getElementById("side");
  const left = document.querySelector(".same > .old");
  if (left) {
    must(!shown(left), "unified shows what is the same twice");
    for (const hunk of all(".hunk")) {
      const kept = [...hunk.querySelectorAll(".new i")].map((number) => +number.textContent);
      must(kept.every((n, at) => !at || n === kept[at - 1] + 1), "lines are not counted on: " + kept);
    }
    side.click();
    must(shown(left), "side by side shows one side");
  }

  // What is typed is shown as code, and no box is cut off.
  must(!all("article p").some((p) => p.textContent.includes("`")), "a backquote is shown");
  for (const picture of all(".picture").slice(0, 20)) {
    const within = picture.getBoundingClientRect();
    const boxes = [...picture.querySelectorAll("rect")].map((rect) => rect.getBoundingClientRect());
    must(boxes.every((box) => box.left - 1 >= within.left), "a box is cut off on the left");
    const room = within.left + Math.max(picture.scrollWidth, within.width);
    must(boxes.every((box) => box.right + 1 <= room), "a box is cut off on the right");
  }

  // The picture is walked along an arrow and back.
  const path = document.querySelector(".picture path");
  must(path || items.length > 500, "there is no picture");
  if (path) {
    const press = (key) =>
      document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    // A window that is not in front, as that of a busy machine may be, has an active element but no
    // events of focus.
    if (!document.hasFocus()) {
      const { focus } = SVGElement.prototype;
      SVGElement.prototype.focus = function () {
        focus.call(this);
        this.dispatchEvent(new FocusEvent("focus"));
      };
    }
    document.getElementById(path.dataset.from).focus();
    must(path.classList.contains("on"), "the arrow of the box in focus does not stand out");
    press("ArrowRight");
    must(document.activeElement.id === path.dataset.to, "right leads to " + document.activeElement.id);
    press("ArrowLeft");
    must(document.activeElement.id.length > 0, "left leads nowhere");
  }
  for (const link of all("a[href^='#']")) {
    const to = link.getAttribute("href").slice(1);
    must(document.getElementById(to), "a link leads nowhere: " + to);
  }
  const ids = all("[id]").map((element) => element.id);
  must(new Set(ids).size === ids.length, "an id stands twice");
  const own = location.href.split("#")[0];
  must(performance.getEntriesByType("resource").every((e) => e.name.startsWith("data:") || e.name === own), "something was loaded");
  for (const element of all("input,summary")) {
    const name = element.labels?.length || element.textContent.trim();
    must(name, "no name: " + element.outerHTML);
  }
  document.documentElement.dataset.visit = wrong.length ? [...new Set(wrong)].join("; ").slice(0, 2000) : "ok";
})();
