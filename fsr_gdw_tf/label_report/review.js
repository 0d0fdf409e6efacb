// ---- one label after the other

const MOST_OFFERED = 8; // classes offered for what was typed
let position = 0; // of the current label in `matches`
let offered = []; // classes, the best first
let active = 0; // the offered class that Enter takes

const current = () => matches[position];

function openReview(row) {
  if (!matches.length) return;
  const place = row ? matches.indexOf(row) : nextUndecided(-1);
  position = Math.max(0, place);
  byId("review-status").textContent = "";
  showCurrent();
  if (!byId("review").open) byId("review").showModal();
  byId("review-title").focus();
}

// The place of the next undecided label, -1 if all are decided.
function nextUndecided(from) {
  for (let step = 1; step <= matches.length; step++) {
    const place = (from + step) % matches.length;
    if (!decided.has(matches[place].index)) return place;
  }
  return -1;
}

function showCurrent() {
  const row = current();
  closeOther();
  byId("review-title").replaceChildren(
    `${formatCount(position + 1)} of ${formatCount(matches.length)}: `,
    data.kind,
    bdi(row.name),
  );
  byId("stage").classList.remove("zoomed");
  byId("zoom").setAttribute("aria-pressed", "false");
  showPicture(row);
  byId("review-text").replaceChildren(cardText(row), reason(row), compared(row));
  byId("keep").firstElementChild.replaceChildren("Keep ", bdi(nameOf(row.given)));
  byId("relabel").hidden = row.given === suggestionFor(row);
  byId("relabel").firstElementChild.replaceChildren(
    "Relabel as ",
    bdi(nameOf(suggestionFor(row))),
  );
  byId("review-decision").replaceChildren(...sentenceFor(row));
  byId("review-undo").disabled = !undoable.length;
  const alike = matches.filter(
    (other) => other.given === row.given && other.suggested === row.suggested,
  );
  byId("alike").hidden = alike.length === 1 || row.given === row.suggested;
  byId("alike").firstElementChild.textContent =
    `All ${formatCount(alike.length)} alike`;
}

function showPicture(row) {
  const source = data.served ? `image/${row.index}` : row.image;
  if (!source) {
    byId("stage").replaceChildren(words("whole", row));
    return;
  }
  const image = el("img");
  image.alt = altOf(row);
  image.addEventListener("click", zoom);
  byId("stage").replaceChildren(image);
  load(image, source, () => image.replaceWith(words("whole", row)));
  const next = matches[nextUndecided(position)];
  if (data.served && next) new Image().src = `image/${next.index}`;
}

function go(step) {
  position = (position + step + matches.length) % matches.length;
  byId("review-status").textContent = "";
  showCurrent();
}

// Saves a decision on the current label, and shows the next one.
async function decideCurrent(label) {
  const row = current();
  await decide([[row.index, label]]);
  const said = `${row.name}: ${byId("progress-said").textContent}.`;
  const next = nextUndecided(position);
  position = Math.max(next, 0);
  showCurrent();
  const done = { keep: "Kept", relabel: "Changed", drop: "Dropped" };
  const now = current();
  byId("review-status").textContent =
    `${done[wordFor(row)]} ${said} ` +
    (next < 0
      ? "All labels of this list are decided."
      : `Now ${altOf(now)}, perhaps ${nameOf(suggestionFor(now))}.`);
}

async function undoLast() {
  const row = await undo();
  const place = row ? matches.indexOf(row) : -1;
  if (place >= 0) position = place;
  showCurrent();
  byId("review-status").textContent = row
    ? `Taken back: ${row.name}. ${byId("progress-said").textContent}.`
    : "There is nothing to take back.";
}

function zoom() {
  const zoomed = byId("stage").classList.toggle("zoomed");
  byId("zoom").setAttribute("aria-pressed", zoomed);
}

function showAlike() {
  if (byId("alike").hidden) return;
  const row = current();
  byId("review").close();
  showConfusion(row.given, row.suggested);
}

// ---- another class, by typing the beginning of its name

function openOther() {
  byId("other").hidden = false;
  byId("other-name").value = "";
  byId("other-name").focus();
  offer();
}

function closeOther() {
  if (byId("other").hidden) return;
  byId("other").hidden = true;
  byId("other-name").setAttribute("aria-expanded", "false");
  byId("review-title").focus();
}

function offer() {
  const text = byId("other-name").value.trim().toLowerCase();
  const at = (c) => nameOf(c).toLowerCase().indexOf(text);
  const found = sortedClasses.filter((c) => at(c) >= 0);
  const first = found.filter((c) => at(c) === 0);
  const exact = first.filter((c) => nameOf(c).length === text.length);
  const best = [...exact, ...first, ...found];
  offered = [...new Set(best)].slice(0, MOST_OFFERED);
  showOffered(0);
}

function showOffered(place) {
  active = place;
  byId("other-list").replaceChildren(
    ...offered.map((c, i) => {
      const element = el("li", "", bdi(nameOf(c)));
      element.id = `offered-${i}`;
      element.setAttribute("role", "option");
      element.setAttribute("aria-selected", i === active);
      element.addEventListener("click", () => take(c));
      return element;
    }),
  );
  const name = byId("other-name");
  name.setAttribute("aria-expanded", offered.length > 0);
  if (offered.length) name.setAttribute("aria-activedescendant", `offered-${active}`);
  else name.removeAttribute("aria-activedescendant");
  byId("other-none").hidden = offered.length > 0;
}

function take(c) {
  if (c === undefined) return;
  closeOther();
  enqueue(() => decideCurrent(c));
}

function otherKey(event) {
  event.stopPropagation(); // letters are no commands here
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (event.key === "Enter") take(offered[active]);
  else if (event.key === "Escape") closeOther();
  else if (step && offered.length) {
    showOffered((active + step + offered.length) % offered.length);
  } else return;
  event.preventDefault();
}

// ---- keys and buttons

const COMMANDS = {
  keep: ["k", () => decideCurrent(current().given)],
  relabel: ["r", () => relabelCurrent()],
  another: ["c", openOther],
  drop: ["d", () => decideCurrent(DROPPED)],
  "review-undo": ["u", undoLast],
  zoom: ["z", zoom],
  alike: ["a", showAlike],
  previous: ["arrowleft", () => go(-1)],
  following: ["arrowright", () => go(1)],
};

function relabelCurrent() {
  const suggested = suggestionFor(current());
  if (current().given !== suggested) return decideCurrent(suggested);
  byId("review-status").textContent = "No other class is suggested.";
  return undefined;
}

// The Latin letter of a key, whatever the layout of the keyboard writes.
function letterOf(event) {
  const isLatin = /^[a-z]$/i.test(event.key);
  const name = isLatin ? event.key : event.code.replace(/^Key/, "");
  return name.toLowerCase();
}

function reviewKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const scrolls = event.target.closest(".zoomed") && event.key.startsWith("Arrow");
  if (event.repeat || scrolls) return;
  const letter = letterOf(event);
  for (const [key, act] of Object.values(COMMANDS)) {
    if (key !== letter) continue;
    event.preventDefault();
    enqueue(act);
  }
}

for (const [id, [key, act]] of Object.entries(COMMANDS)) {
  byId(id).setAttribute("aria-keyshortcuts", key);
  on(id, "click", () => enqueue(act));
}
on("review", "keydown", reviewKey);
on("other-name", "keydown", otherKey);
on("other-name", "input", offer);
on("review-close", "click", () => byId("review").close());
