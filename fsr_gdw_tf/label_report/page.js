"use strict";
// Everything that comes from data is put in as text, never as markup: names of
// files and classes may hold anything.
(() => {
  const STEP = 24; // cards that are shown at a time
  const FEW = 100; // classes that are shown at first
  const MANY = 500; // that are added to them at a time
  const TINY = 48; // pixels of images that are enlarged without blur
  const byId = (id) => document.getElementById(id);
  const on = (id, event, act) => byId(id).addEventListener(event, act);
  const data = JSON.parse(byId("data").textContent);
  const compare = new Intl.Collator("en", { numeric: true }).compare;
  const counted = (n) => n.toLocaleString("en");
  const two = (x) => x.toFixed(2);
  const nameOf = (c) => data.names[c];
  for (const row of data.classes) row.name = nameOf(row.index);
  const partOf = new Map(data.classes.map((row) => [row.index, row.part]));
  const isTail = (row) => partOf.get(row.given) === "tail";

  function el(tag, className, ...inside) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    made.append(...inside);
    return made;
  }

  // A name that is read from right to left does not turn what is around it.
  const bdi = (text, className) => el("bdi", className, text);

  function button(inside, act) {
    const made = el("button", "", inside);
    made.type = "button";
    made.addEventListener("click", act);
    return made;
  }

  function ordinal(n) {
    const teen = n % 100 > 10 && n % 100 < 14;
    const ends = { 1: "st", 2: "nd", 3: "rd" };
    return counted(n) + ((!teen && ends[n % 10]) || "th");
  }

  function bar(...parts) {
    const made = el("span", "bar");
    for (const [kind, from, to] of parts) {
      const part = el("i", kind);
      part.style.left = `${100 * from}%`;
      part.style.width = `${100 * (to - from)}%`;
      made.append(part);
    }
    return made;
  }

  // ---- cards

  function picture(kind, example, alt) {
    const name = bdi(example.name);
    if (!example.image) return el("div", `${kind} words`, data.kind, name);
    const image = el("img");
    image.alt = alt;
    image.onload = () => {
      const side = Math.max(image.naturalWidth, image.naturalHeight);
      image.classList.toggle("tiny", side <= TINY);
    };
    image.src = example.image;
    const made = el("div", kind, image);
    made.title = example.name;
    return made;
  }

  function trusted(c) {
    const examples = data.trusted[c] || [];
    const alt = `trusted example of ${nameOf(c)}`;
    const pictures = examples.map((e) => picture("control", e, alt));
    const says = examples.length ? "trusted: " : "no trusted example of ";
    const head = el("small", "", says, bdi(nameOf(c)));
    return el("div", "", head, el("div", "row", ...pictures));
  }

  function truth(row) {
    if (row.true === undefined) return "";
    const wrong = row.true !== row.given;
    return wrong
      ? el("small", "verdict yes", "known to be ", bdi(nameOf(row.true)))
      : el("small", "verdict no", "known: the label is right");
  }

  function words(row) {
    const given = bdi(nameOf(row.given), "given");
    const suggested = bdi(nameOf(row.suggested), "suggested");
    const score = `score ${two(row.score)}`;
    const place = `${ordinal(row.rank)} of ${counted(row.of)} labelled `;
    return el(
      "div",
      "",
      row.given === row.suggested
        ? el("p", "change", given)
        : el("p", "change", given, el("span", "arrow", "→"), suggested),
      el("p", "score", score, bar(["wrong", 0, row.score])),
      el("small", "", place, bdi(nameOf(row.given))),
      truth(row),
    );
  }

  function card(row) {
    const alt = `${row.name}, labelled ${nameOf(row.given)}`;
    const name = el("small", "", data.kind, bdi(row.name));
    const both = [...new Set([row.given, row.suggested])].map(trusted);
    const made = el(
      "li",
      "card",
      el("div", "what", picture("shot", row, alt), words(row)),
      el("div", "", el("p", "why", row.why), name),
      el("div", "compare", ...both),
    );
    made.dataset.index = row.index;
    return made;
  }

  // ---- gallery

  const byClass = (a, b) => compare(nameOf(a.given), nameOf(b.given));
  const ORDERS = {
    score: (a, b) => a.place - b.place,
    rank: (a, b) => a.rank - b.rank || a.place - b.place,
    class: (a, b) => byClass(a, b) || a.place - b.place,
  };
  let found = [];

  function wanted() {
    const given = byId("given").value;
    const suggested = byId("suggested").value;
    const text = byId("text").value.trim().toLowerCase();
    const minimum = Number(byId("minimum").value);
    const tail = byId("tail").checked;
    return (row) =>
      (given === "" || row.given === Number(given)) &&
      (suggested === "" || row.suggested === Number(suggested)) &&
      (text === "" || row.name.toLowerCase().includes(text)) &&
      row.score >= minimum &&
      (!tail || isTail(row));
  }

  function search() {
    byId("minimum-said").textContent = two(Number(byId("minimum").value));
    found = data.rows.filter(wanted()).sort(ORDERS[byId("sort").value]);
    byId("gallery").replaceChildren();
    show(STEP);
  }

  function show(upTo) {
    const gallery = byId("gallery");
    const next = found.slice(gallery.childElementCount, upTo);
    gallery.append(...next.map(card));
    const shown = gallery.childElementCount;
    const all = shown === found.length;
    const match = found.length === 1 ? "label matches" : "labels match";
    const part = all ? "" : `, the first ${counted(shown)} are shown`;
    byId("count").textContent = `${counted(found.length)} ${match}${part}`;
    byId("more").hidden = all;
    byId("more").onclick = () => show(upTo + STEP);
    byId("nothing").hidden = found.length > 0;
    byId("nothing").textContent = data.rows.length
      ? "Nothing matches these filters."
      : "No label is suspicious enough to be shown.";
  }

  function option(id, c, count) {
    const made = el("option", "", `${nameOf(c)} (${counted(count)})`);
    made.value = c;
    byId(id).append(made);
  }

  function options(id) {
    const counts = new Map();
    for (const row of data.rows) {
      counts.set(row[id], (counts.get(row[id]) || 0) + 1);
    }
    const classes = [...counts.keys()];
    classes.sort((a, b) => compare(nameOf(a), nameOf(b)));
    for (const c of classes) option(id, c, counts.get(c));
    return counts;
  }

  function select(id, c) {
    byId(id).value = c;
    // A class of which no label is on this page.
    if (byId(id).value === "" && c !== "") option(id, c, 0);
    byId(id).value = c;
  }

  function lookAt(given, suggested) {
    byId("filters").reset();
    select("given", given);
    select("suggested", suggested);
    search();
    byId("labels").scrollIntoView();
    byId("given").focus({ preventScroll: true });
  }

  function startGallery() {
    byId("filters").hidden = false;
    byId("tail-label").hidden = !data.rows.some(isTail);
    on("filters", "input", search);
    on("filters", "reset", () => setTimeout(search)); // once it is done
    for (const one of document.querySelectorAll("[data-given]")) {
      const { given, suggested } = one.dataset;
      one.hidden = false;
      one.addEventListener("click", () => lookAt(given, suggested));
    }
    search();
  }

  // ---- table of classes

  const none = (x) => x === null;
  const count = (x) => (none(x) ? "-" : counted(Math.round(x)));
  const percent = (x) => (none(x) ? "-" : `${(100 * x).toFixed(1)}%`);
  const largest = Math.max(1, ...data.classes.map((row) => row.n));
  const heads = [...document.querySelectorAll(".classes th")];
  let sorting = { key: "noise", down: true };
  const withCards = options("given");

  function classLink(row) {
    if (!withCards.has(row.index)) return bdi(row.name);
    return button(bdi(row.name), () => lookAt(row.index, ""));
  }

  function sizeBar(row) {
    const right = Math.min(row.effective_n || 0, row.n) / largest;
    return bar(["whole", 0, row.n / largest], ["part", 0, right]);
  }

  function noiseBar(row) {
    const between = ["between", row.noise_low || 0, row.noise_high || 0];
    return bar(["wrong", 0, row.noise || 0], between);
  }

  const to = (low, high) => `${percent(low)} to ${percent(high)}`;
  const FIELDS = {
    name: (row) => [classLink(row)],
    part: (row) => [el("span", `chip ${row.part}`, row.part)],
    n: (row) => [count(row.n), sizeBar(row)],
    noise: (row) => [percent(row.noise), noiseBar(row)],
    noise_low: (row) => [to(row.noise_low, row.noise_high)],
    effective_n: (row) => [count(row.effective_n)],
    mean_weight: (row) => [none(row.mean_weight) ? "-" : two(row.mean_weight)],
    recall: (row) => [percent(row.recall)],
  };

  function classOrder(a, b) {
    const [x, y] = [a[sorting.key], b[sorting.key]];
    if (none(x) || none(y)) return none(x) - none(y);
    const order = typeof x === "string" ? compare(x, y) : x - y;
    return (sorting.down ? -order : order) || a.index - b.index;
  }

  function classLine(row) {
    const cell = (th) => el("td", th.className, ...FIELDS[th.dataset.key](row));
    return el("tr", "", ...heads.map(cell));
  }

  function showClasses(upTo) {
    const text = byId("class-text").value.trim().toLowerCase();
    const has = (row) => row.name.toLowerCase().includes(text);
    const rows = data.classes.filter(has).sort(classOrder);
    const first = rows.slice(0, upTo);
    byId("class-rows").replaceChildren(...first.map(classLine));
    byId("class-count").textContent =
      `${counted(first.length)} of ${counted(rows.length)} classes`;
    byId("more-classes").hidden = first.length === rows.length;
    byId("more-classes").onclick = () => showClasses(upTo + MANY);
    const direction = sorting.down ? "descending" : "ascending";
    for (const th of heads) {
      const sorted = th.dataset.key === sorting.key;
      th.setAttribute("aria-sort", sorted ? direction : "none");
    }
  }

  function sortable(th) {
    const key = th.dataset.key;
    const words = key === "name" || key === "part"; // from A to Z at first
    const sort = () => {
      sorting = { key, down: sorting.key === key ? !sorting.down : !words };
      showClasses(FEW);
    };
    th.replaceChildren(button(th.textContent, sort));
  }

  document.addEventListener("submit", (event) => event.preventDefault());
  options("suggested");
  startGallery();
  byId("class-filters").hidden = data.classes.length <= 20;
  on("class-text", "input", () => showClasses(FEW));
  heads.forEach(sortable);
  showClasses(FEW);
})();
