"use strict";
// Names of files and classes may hold anything, so whatever comes from data is
// inserted as text, never as markup.
(() => {
  const CARDS_AT_A_TIME = 24;
  const FIRST_ROWS = 100; // of the table of classes
  const MORE_ROWS = 500; // added at a time
  const TINY_PIXELS = 48; // smaller images are enlarged without blur
  const byId = (id) => document.getElementById(id);
  const on = (id, event, act) => byId(id).addEventListener(event, act);
  const data = JSON.parse(byId("data").textContent);
  const compare = new Intl.Collator("en", { numeric: true }).compare;
  const formatCount = (n) => n.toLocaleString("en");
  const toFixed2 = (x) => x.toFixed(2);
  const nameOf = (c) => data.names[c];
  for (const row of data.classes) row.name = nameOf(row.index);
  const partOf = new Map(data.classes.map((row) => [row.index, row.part]));
  const isTail = (row) => partOf.get(row.given) === "tail";

  function el(tag, className, ...inside) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.append(...inside);
    return element;
  }

  // Isolates a name that is written from right to left.
  const bdi = (text, className) => el("bdi", className, text);

  function button(inside, act) {
    const element = el("button", "", inside);
    element.type = "button";
    element.addEventListener("click", act);
    return element;
  }

  function ordinal(n) {
    const teen = n % 100 > 10 && n % 100 < 14;
    const ends = { 1: "st", 2: "nd", 3: "rd" };
    return formatCount(n) + ((!teen && ends[n % 10]) || "th");
  }

  function bar(...parts) {
    const element = el("span", "bar");
    for (const [kind, from, to] of parts) {
      const part = el("i", kind);
      part.style.left = `${100 * from}%`;
      part.style.width = `${100 * (to - from)}%`;
      element.append(part);
    }
    return element;
  }

  // ---- cards

  function picture(kind, example, alt) {
    const name = bdi(example.name);
    if (!example.image) return el("div", `${kind} words`, data.kind, name);
    const image = el("img");
    image.alt = alt;
    image.onload = () => {
      const side = Math.max(image.naturalWidth, image.naturalHeight);
      image.classList.toggle("tiny", side <= TINY_PIXELS);
    };
    image.src = example.image;
    const element = el("div", kind, image);
    element.title = example.name;
    return element;
  }

  function trusted(c) {
    const examples = data.trusted[c] || [];
    const alt = `trusted example of ${nameOf(c)}`;
    const pictures = examples.map((e) => picture("control", e, alt));
    const text = examples.length ? "trusted: " : "no trusted example of ";
    const head = el("small", "", text, bdi(nameOf(c)));
    return el("div", "", head, el("div", "row", ...pictures));
  }

  function truth(row) {
    if (row.true === undefined) return "";
    const wrong = row.true !== row.given;
    return wrong
      ? el("small", "verdict yes", "known to be ", bdi(nameOf(row.true)))
      : el("small", "verdict no", "known: the label is right");
  }

  function cardText(row) {
    const given = bdi(nameOf(row.given), "given");
    const suggested = bdi(nameOf(row.suggested), "suggested");
    const score = `score ${toFixed2(row.score)}`;
    const place = `${ordinal(row.rank)} of ${formatCount(row.of)} labelled `;
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
    const trustedRows = [...new Set([row.given, row.suggested])].map(trusted);
    const element = el(
      "li",
      "card",
      el("div", "what", picture("shot", row, alt), cardText(row)),
      el("div", "", el("p", "why", row.why), name),
      el("div", "compare", ...trustedRows),
    );
    element.dataset.index = row.index;
    return element;
  }

  // ---- gallery

  const byClass = (a, b) => compare(nameOf(a.given), nameOf(b.given));
  const ORDERS = {
    score: (a, b) => a.place - b.place,
    rank: (a, b) => a.rank - b.rank || a.place - b.place,
    class: (a, b) => byClass(a, b) || a.place - b.place,
  };
  let matches = [];

  function currentFilter() {
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
    byId("minimum-said").textContent = toFixed2(Number(byId("minimum").value));
    const order = ORDERS[byId("sort").value];
    matches = data.rows.filter(currentFilter()).sort(order);
    byId("gallery").replaceChildren();
    show(CARDS_AT_A_TIME);
  }

  function show(upTo) {
    const gallery = byId("gallery");
    const next = matches.slice(gallery.childElementCount, upTo);
    gallery.append(...next.map(card));
    const shown = gallery.childElementCount;
    const all = shown === matches.length;
    const match = matches.length === 1 ? "label matches" : "labels match";
    const part = all ? "" : `, the first ${formatCount(shown)} are shown`;
    const count = formatCount(matches.length);
    byId("count").textContent = `${count} ${match}${part}`;
    byId("more").hidden = all;
    byId("more").onclick = () => show(upTo + CARDS_AT_A_TIME);
    byId("nothing").hidden = matches.length > 0;
    byId("nothing").textContent = data.rows.length
      ? "Nothing matches these filters."
      : "No label is suspicious enough to be shown.";
  }

  function option(id, c, count) {
    const element = el("option", "", `${nameOf(c)} (${formatCount(count)})`);
    element.value = c;
    byId(id).append(element);
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
    // A class without a label on this page has no option yet.
    if (byId(id).value === "" && c !== "") option(id, c, 0);
    byId(id).value = c;
  }

  function showConfusion(given, suggested) {
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
    on("filters", "reset", () => setTimeout(search)); // after the reset
    for (const link of document.querySelectorAll("[data-given]")) {
      const { given, suggested } = link.dataset;
      link.hidden = false;
      link.addEventListener("click", () => showConfusion(given, suggested));
    }
    search();
  }

  // ---- table of classes

  const isMissing = (x) => x === null;
  const count = (x) => (isMissing(x) ? "-" : formatCount(Math.round(x)));
  const weight = (x) => (isMissing(x) ? "-" : toFixed2(x));
  const percent = (x) => (isMissing(x) ? "-" : `${(100 * x).toFixed(1)}%`);
  const largest = Math.max(1, ...data.classes.map((row) => row.n));
  const headers = [...document.querySelectorAll(".classes th")];
  let sorting = { key: "noise", descending: true };
  const givenCounts = options("given");

  function classLink(row) {
    if (!givenCounts.has(row.index)) return bdi(row.name);
    return button(bdi(row.name), () => showConfusion(row.index, ""));
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
    mean_weight: (row) => [weight(row.mean_weight)],
    recall: (row) => [percent(row.recall)],
  };

  function classOrder(a, b) {
    const [x, y] = [a[sorting.key], b[sorting.key]];
    if (isMissing(x) || isMissing(y)) return isMissing(x) - isMissing(y);
    const order = typeof x === "string" ? compare(x, y) : x - y;
    return (sorting.descending ? -order : order) || a.index - b.index;
  }

  function classRow(row) {
    const cell = (th) => el("td", th.className, ...FIELDS[th.dataset.key](row));
    return el("tr", "", ...headers.map(cell));
  }

  function showClasses(upTo) {
    const text = byId("class-text").value.trim().toLowerCase();
    const has = (row) => row.name.toLowerCase().includes(text);
    const rows = data.classes.filter(has).sort(classOrder);
    const first = rows.slice(0, upTo);
    byId("class-rows").replaceChildren(...first.map(classRow));
    byId("class-count").textContent =
      `${formatCount(first.length)} of ${formatCount(rows.length)} classes`;
    byId("more-classes").hidden = first.length === rows.length;
    byId("more-classes").onclick = () => showClasses(upTo + MORE_ROWS);
    const direction = sorting.descending ? "descending" : "ascending";
    for (const th of headers) {
      const sorted = th.dataset.key === sorting.key;
      th.setAttribute("aria-sort", sorted ? direction : "none");
    }
  }

  function sortable(th) {
    const key = th.dataset.key;
    const isText = key === "name" || key === "part"; // ascending at first
    const sort = () => {
      const descending = sorting.key === key ? !sorting.descending : !isText;
      sorting = { key, descending };
      showClasses(FIRST_ROWS);
    };
    th.replaceChildren(button(th.textContent, sort));
  }

  document.addEventListener("submit", (event) => event.preventDefault());
  options("suggested");
  startGallery();
  byId("class-filters").hidden = data.classes.length <= 20;
  on("class-text", "input", () => showClasses(FIRST_ROWS));
  headers.forEach(sortable);
  showClasses(FIRST_ROWS);
})();
