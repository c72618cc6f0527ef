"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const list = byId("list");
  const form = document.querySelector(".filters");
  if (list && form) {
    const items = [...list.children];
    const search = byId("search");
    const count = byId("count");
    search.closest("p").hidden = false;
    let texts;
    const boxes = [...form.querySelectorAll("input[type=checkbox]")];
    const update = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      if (words.length && !texts) texts = items.map((i) => i.textContent.toLowerCase());
      const off = new Set(boxes.filter((b) => !b.checked).map((b) => b.id));
      let shown = 0;
      items.forEach((item, at) => {
        const hit = words.every((word) => texts[at].includes(word));
        item.classList.toggle("no", !hit);
        const { s, a, t } = item.dataset;
        if (hit && !off.has("s-" + s) && !off.has("a-" + a) && !off.has("t-" + t)) shown += 1;
      });
      count.textContent = shown + " of " + items.length + " shown";
    };
    form.addEventListener("input", update);
    form.addEventListener("reset", () => setTimeout(update));
    form.addEventListener("submit", (event) => event.preventDefault());
    update();
  }

  // What a link leads to is opened on the way.
  const open = () => {
    const target = location.hash.length > 1 && byId(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let at = target; at; at = at.parentElement) {
      if (at.tagName === "DETAILS") at.open = true;
    }
    target.scrollIntoView({ block: "center" });
    if (target.closest("svg")) target.focus();
  };
  addEventListener("hashchange", open);
  open();

  // The picture is walked with the arrow keys: up and down in a column, left and right along the
  // arrows. What is near the box that has the focus, or is pointed at, stands out.
  for (const svg of document.querySelectorAll(".picture svg")) {
    const paths = [...svg.querySelectorAll("path")];
    const nodes = [...svg.querySelectorAll("a")];
    const light = (node) => {
      svg.classList.toggle("walk", !!node);
      const on = new Set(node ? [node.id] : []);
      for (const path of paths) {
        const { from, to } = path.dataset;
        const near = !!node && (from === node.id || to === node.id);
        path.classList.toggle("on", near);
        if (near) on.add(from).add(to);
      }
      for (const other of nodes) other.classList.toggle("on", on.has(other.id));
    };
    const next = (node, key) => {
      if (key === "ArrowRight") {
        const path = paths.find((p) => p.dataset.from === node.id);
        return path && byId(path.dataset.to);
      }
      if (key === "ArrowLeft") {
        const path = paths.find((p) => p.dataset.to === node.id);
        return path && byId(path.dataset.from);
      }
      const x = node.querySelector("rect").getAttribute("x");
      const column = nodes.filter((n) => n.querySelector("rect").getAttribute("x") === x);
      const step = key === "ArrowDown" ? 1 : key === "ArrowUp" ? -1 : 0;
      return step && column[column.indexOf(node) + step];
    };
    for (const node of nodes) {
      node.addEventListener("focus", () => light(node));
      node.addEventListener("blur", () => light(null));
      node.addEventListener("mouseenter", () => light(node));
      node.addEventListener("mouseleave", () => light(null));
      node.addEventListener("keydown", (event) => {
        if (!event.key.startsWith("Arrow")) return;
        event.preventDefault();
        const to = next(node, event.key);
        if (to) to.focus();
      });
    }
  }
})();
