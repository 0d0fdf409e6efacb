// ---- gallery

const sortedClasses = data.names.map((_, c) => c);
sortedClasses.sort((a, b) => compare(nameOf(a), nameOf(b)));
const placeOfClass = [];
sortedClasses.forEach((c, place) => (placeOfClass[c] = place));
const byClass = (a, b) => placeOfClass[a.given] - placeOfClass[b.given];
const ORDERS = {
  score: (a, b) => a.place - b.place,
  rank: (a, b) => a.rank - b.rank || a.place - b.place,
  class: (a, b) => byClass(a, b) || a.place - b.place,
  random: (a, b) => scrambled(a.index) - scrambled(b.index),
};
let matches = [];

// An order of the examples that has nothing to do with them; always the same.
function scrambled(index) {
  let x = index + 0x9e3779b9;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

function currentFilter() {
  const given = byId("given").value;
  const suggested = byId("suggested").value;
  const text = byId("text").value.trim().toLowerCase();
  const minimum = Number(byId("minimum").value);
  const tail = byId("tail").checked;
  const decision = byId("decision").value;
  const onList = byId("list").value === "sample" ? isSampled : isSuspected;
  return (row) =>
    onList(row) &&
    (decision === "" || wordFor(row) === decision) &&
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
  showGroup();
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
  for (const row of data.rows.filter(isSuspected)) {
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

// ---- all labels of a confusion at once

const undecidedMatches = () => matches.filter((row) => !decided.has(row.index));

function showGroup() {
  const [given, suggested] = [byId("given").value, byId("suggested").value];
  const isConfusion = given !== "" && suggested !== "" && given !== suggested;
  byId("group").hidden = !isConfusion;
  if (!isConfusion) return;
  const rows = undecidedMatches();
  const labels = rows.length === 1 ? "label is" : "labels are";
  byId("group-said").replaceChildren(
    `${formatCount(rows.length)} matching ${labels} undecided: `,
    bdi(nameOf(given), "given"),
    " or ",
    bdi(nameOf(suggested), "suggested"),
    "?",
  );
  byId("group-relabel").replaceChildren("Relabel all as ", bdi(nameOf(suggested)));
  for (const act of ["keep", "relabel", "drop"]) {
    const labelOf = { keep: (row) => row.given, relabel: (row) => row.suggested };
    const label = labelOf[act] || (() => DROPPED);
    byId(`group-${act}`).disabled = !rows.length;
    byId(`group-${act}`).onclick = () =>
      enqueue(() => {
        const all = undecidedMatches();
        return decide(all.map((row) => [row.index, label(row)]));
      });
  }
}

function startGallery() {
  byId("filters").hidden = false;
  byId("tail-label").hidden = !data.rows.some(isTail);
  byId("list-label").hidden = !data.rows.some(isSampled);
  on("filters", "input", search);
  on("filters", "reset", () => setTimeout(search)); // after the reset
  for (const link of document.querySelectorAll("[data-given]")) {
    const { given, suggested } = link.dataset;
    link.hidden = false;
    link.addEventListener("click", () => showConfusion(given, suggested));
  }
  search();
}
