// Names of files and classes may hold anything, so whatever comes from data is
// inserted as text, never as markup.
const CARDS_AT_A_TIME = 24;
const FIRST_ROWS = 100; // of the table of classes
const MORE_ROWS = 500; // added at a time
const TINY_PIXELS = 48; // smaller images are enlarged without blur
const byId = (id) => document.getElementById(id);
const on = (id, event, act) => byId(id).addEventListener(event, act);
const data = JSON.parse(byId("data").textContent);
// A server may have rows of so many labels that they are not in the page.
if (data.served) {
  data.rows = rowsOf(await (await fetch("rows.json")).json());
}
const compare = new Intl.Collator("en", { numeric: true }).compare;
const formatCount = (n) => n.toLocaleString("en");
const toFixed2 = (x) => x.toFixed(2);
const nameOf = (c) => data.names[c];
for (const row of data.classes) row.name = nameOf(row.index);
const partOf = new Map(data.classes.map((row) => [row.index, row.part]));
const isTail = (row) => partOf.get(row.given) === "tail";

function rowsOf(columns) {
  const entries = Object.entries(columns);
  return columns.index.map((_, i) => {
    const row = {};
    for (const [key, column] of entries) {
      if (column[i] !== null) row[key] = column[i];
    }
    return row;
  });
}

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

function words(kind, example) {
  return el("div", `${kind} words`, data.kind, bdi(example.name));
}

// Fills an image element; what has no image is shown by its name instead.
function load(image, source, otherwise) {
  image.onload = () => {
    const side = Math.max(image.naturalWidth, image.naturalHeight);
    image.classList.toggle("tiny", side <= TINY_PIXELS);
  };
  image.onerror = otherwise;
  image.src = source;
}

function picture(kind, example, alt) {
  const served = data.served ? `thumbnail/${example.index}` : null;
  const source = example.image || served;
  if (!source) return words(kind, example);
  const image = el("img");
  image.alt = alt;
  image.loading = "lazy";
  const element = el("div", kind, image);
  element.title = example.name;
  load(image, source, () => element.replaceWith(words(kind, example)));
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

const altOf = (row) => `${row.name}, labelled ${nameOf(row.given)}`;

function reason(row) {
  const element = el("p", "why", row.why || "");
  if (data.served) {
    fetch(`reason/${row.index}`)
      .then((answer) => (answer.ok ? answer.text() : ""))
      .then((text) => (element.textContent = text))
      .catch(() => {}); // whoever decides is told that there is no answer
  }
  return element;
}

function compared(row) {
  const classes = [...new Set([row.given, suggestionFor(row)])];
  return el("div", "compare", ...classes.map(trusted));
}

function card(row) {
  const name = el("small", "", data.kind, bdi(row.name));
  const element = el(
    "li",
    "card",
    el("div", "what", picture("shot", row, altOf(row)), cardText(row)),
    el("div", "", reason(row), name),
    compared(row),
    choices(row),
  );
  element.dataset.index = row.index;
  showDecision(element, row);
  return element;
}
