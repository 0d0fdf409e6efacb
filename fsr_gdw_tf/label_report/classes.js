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
  recall_before: (row) => [percent(row.recall_before)],
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
startDecisions();
byId("class-filters").hidden = data.classes.length <= 20;
on("class-text", "input", () => showClasses(FIRST_ROWS));
headers.forEach(sortable);
showClasses(FIRST_ROWS);
