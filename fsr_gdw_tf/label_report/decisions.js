// ---- decisions: a class for an example, or DROPPED

const UNDECIDED = -2;
const DROPPED = -1;
const STORED_AS = `decisions of ${location.pathname}`;
const SAVED = {
  server: "Each decision is saved at once, in report/decisions.csv.",
  true: "This browser keeps the decisions; download them to use them.",
  false:
    "This browser cannot keep decisions: download them before you close " +
    "the page.",
};
const decided = new Map(); // by the index of the example
const rowOf = new Map(data.rows.map((row) => [row.index, row]));
const isSuspected = (row) => row.sample !== 2;
const isSampled = (row) => row.sample !== undefined;
const nSuspected = data.rows.filter(isSuspected).length;
const suggestionFor = (row) => row.alternative ?? row.suggested;
const wholeName = (row) => row.whole ?? row.name;
const wholeClass = (c) => data.whole_names[c] ?? nameOf(c);
let nDecided = 0; // of the suspected labels
let nWrong = 0; // decided labels that are not kept
let version = 0; // of the server's decisions
let stored = true; // whether this browser keeps the decisions
const undoable = []; // for each act, the choices that take it back

function wordFor(row) {
  const label = decided.get(row.index);
  if (label === undefined) return "undecided";
  if (label === DROPPED) return "drop";
  return label === row.given ? "keep" : "relabel";
}

function sentenceFor(row) {
  const label = decided.get(row.index);
  const to = label >= 0 ? bdi(nameOf(label)) : "";
  return {
    undecided: [],
    keep: ["✓ kept"],
    drop: ["✗ dropped"],
    relabel: ["→ changed to ", to],
  }[wordFor(row)];
}

function showDecision(element, row) {
  element.querySelector(".decision").replaceChildren(...sentenceFor(row));
  element.classList.toggle("decided", decided.has(row.index));
}

// The line below a card.
function choices(row) {
  const choose = (text, label) => {
    const act = () => enqueue(() => decide([[row.index, label]]));
    const element = button(text, act);
    element.setAttribute("aria-label", `${text} ${altOf(row)}`);
    return element;
  };
  const suggested = suggestionFor(row);
  const look = button("Look closer", () => openReview(row));
  return el(
    "div",
    "choices",
    choose("Keep", row.given),
    ...(suggested === row.given ? [] : [choose("Relabel", suggested)]),
    choose("Drop", DROPPED),
    look,
    el("span", "decision"),
  );
}

// ---- acts come one after the other: each starts when the last one is saved

let queue = Promise.resolve();
let failures = 0;

function enqueue(act) {
  const before = failures;
  queue = queue.then(async () => {
    if (before !== failures) return; // meant for what is not there any more
    try {
      await act();
      showFailure("");
    } catch (error) {
      failures += 1;
      showFailure(error.message);
    }
  });
}

function showFailure(text) {
  for (const id of ["failed", "review-failed"]) {
    if (byId(id).textContent !== text) byId(id).textContent = text;
    byId(id).hidden = !text;
  }
}

async function decide(wanted) {
  const before = wanted.map(([i]) => [i, decided.get(i) ?? UNDECIDED]);
  await save(wanted);
  undoable.push(before);
  byId("undo").disabled = false;
}

async function undo() {
  const before = undoable.at(-1);
  if (!before) return null;
  await save(before);
  undoable.pop();
  byId("undo").disabled = !undoable.length;
  return rowOf.get(before[0][0]);
}

async function save(wanted) {
  if (!data.served) {
    accept(wanted);
    store(wanted);
    showProgress();
    return;
  }
  const content = { choices: wanted, since: version };
  try {
    receive(await request("decisions", content));
  } catch (error) {
    throw new Error(`This decision is not saved: ${error.message}`);
  }
}

async function request(path, content) {
  const options = content && {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(content),
  };
  let answer;
  try {
    // Once more, because a connection that was silent may have been closed.
    answer = await fetch(path, options).catch(() => fetch(path, options));
  } catch {
    throw new Error(
      "the server does not answer. Start it again with the same command and " +
        "open the address that it prints; what was decided before is saved.",
    );
  }
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

function receive(answer) {
  version = answer.version;
  accept(answer.changed);
  showProgress(answer);
}

function accept(changed) {
  for (const [index, label] of changed) {
    const row = rowOf.get(index);
    addToCounts(row, -1);
    if (label === UNDECIDED) decided.delete(index);
    else decided.set(index, label);
    addToCounts(row, 1);
  }
  const cards = [...byId("gallery").children];
  for (const element of cards) {
    showDecision(element, rowOf.get(Number(element.dataset.index)));
  }
}

function addToCounts(row, n) {
  if (!row || !decided.has(row.index)) return;
  if (isSuspected(row)) nDecided += n;
  if (wordFor(row) !== "keep") nWrong += n;
}

// ---- progress

// `known`: the counts and estimates of the server, of all labels of the run.
function showProgress(known = { decided: decided.size, wrong: nWrong }) {
  const counts = [nDecided, nSuspected, known.wrong, known.decided];
  const [n, of, wrong, all] = counts.map(formatCount);
  byId("progress").max = Math.max(1, nSuspected);
  byId("progress").value = nDecided;
  byId("progress-said").textContent = `${n} of ${of} decided`;
  byId("wrong-said").textContent = known.decided
    ? `${wrong} of ${all} decided labels are wrong.`
    : "";
  byId("download").disabled = !decided.size;
  byId("saved").textContent = SAVED[data.served ? "server" : stored];
  showEstimate(known.estimate || []);
  showGroup();
}

function showEstimate(estimate) {
  const rows = estimate.filter((row) => row.checked);
  const cells = (row) => [
    row.score,
    `${formatCount(row.checked)} of ${formatCount(row.examples)}`,
    isMissing(row.share_wrong) ? "-" : percent(row.share_wrong),
    isMissing(row.share_wrong) ? "-" : to(row.low, row.high),
  ];
  const line = (row) => el("tr", "", ...cells(row).map((c) => el("td", "", c)));
  byId("estimate").hidden = !rows.length;
  byId("estimate-rows").replaceChildren(...rows.map(line));
}

// ---- without a server: this browser keeps them, and gives them as a file

function readStored() {
  try {
    return JSON.parse(localStorage.getItem(STORED_AS)) || {};
  } catch {
    return {};
  }
}

function store(wanted) {
  const all = readStored();
  for (const [index, label] of wanted) {
    const row = rowOf.get(index);
    const to = label === DROPPED ? null : wholeClass(label);
    if (label === UNDECIDED) delete all[index];
    else all[index] = [wholeName(row), wholeClass(row.given), to];
  }
  try {
    localStorage.setItem(STORED_AS, JSON.stringify(all));
    stored = true;
  } catch {
    stored = false;
  }
}

// Those of a run that was at this place before do not count.
function restoreStored() {
  const classes = new Map(data.names.map((_, c) => [wholeClass(c), c]));
  const all = readStored();
  const changed = data.rows.map((row) => {
    const [name, given, to] = all[row.index] || [];
    const same = name === wholeName(row) && given === wholeClass(row.given);
    const label = to === null ? DROPPED : classes.get(to);
    return [row.index, same ? (label ?? UNDECIDED) : UNDECIDED];
  });
  accept(changed);
  showProgress();
}

// A cell that no spreadsheet program takes for a formula, as in spreadsheet.py.
function csvCell(value) {
  let text = String(value);
  const isNumber = text === text.trim() && Number.isFinite(Number(text));
  if (/^'*[=+\-@\t\r\n]/.test(text) && !isNumber) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function decisionsAsCsv() {
  const lines = [["index", "name", "given", "label", "decision"]];
  for (const [index, label] of decided) {
    const row = rowOf.get(index);
    const to = label === DROPPED ? "" : wholeClass(label);
    const given = wholeClass(row.given);
    lines.push([index, wholeName(row), given, to, wordFor(row)]);
  }
  return lines.map((line) => `${line.map(csvCell).join(",")}\n`).join("");
}

function download() {
  const link = el("a");
  const file = new Blob([decisionsAsCsv()], { type: "text/csv" });
  link.href = data.served ? "decisions.csv" : URL.createObjectURL(file);
  link.download = "decisions.csv";
  link.click();
}

const fetchChanges = async () => receive(await request(`decisions/${version}`));

function startDecisions() {
  byId("review-bar").hidden = !data.rows.length;
  on("download", "click", download);
  on("start", "click", () => openReview());
  on("undo", "click", () => enqueue(undo));
  if (!data.served) {
    restoreStored();
    addEventListener("storage", restoreStored); // of another tab
    addEventListener("beforeunload", (event) => {
      if (!stored && decided.size) event.preventDefault();
    });
    return;
  }
  enqueue(async () => {
    await fetchChanges();
    if (location.hash === "#review") openReview();
  });
  addEventListener("focus", () => enqueue(fetchChanges));
}
