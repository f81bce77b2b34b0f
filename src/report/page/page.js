// The page: what is chosen stands in its address, so that a link has it, and a reload keeps it.
let data = read(document);
const view = { page: 0, pages: 1, size: 50, open: new Set() };
const fields = ["query", "verdict", "cause", "pool"];
const usual = () => ({ profile: data.default, query: "", verdict: "", cause: "", pool: "", sort: "" });
let state = usual();

function fromAddress() {
  const hash = location.hash.slice(1);
  if (!hash.includes("=")) return false;
  const given = new URLSearchParams(hash);
  state = usual();
  for (const name of Object.keys(state)) if (given.has(name)) state[name] = given.get(name);
  if (!data.profiles.includes(state.profile)) state.profile = data.default;
  if (!VERDICTS.includes(state.verdict)) state.verdict = "";
  return true;
}

function toAddress() {
  const given = new URLSearchParams(Object.entries(state).filter(([name, value]) => value && (name !== "profile" || value !== data.default)));
  const hash = String(given) ? `#${given}` : "";
  if (location.hash !== hash) history.replaceState(null, "", hash || location.pathname + location.search);
}

function counts(part, profile) {
  const found = new Map();
  for (let node = 0; node < data.count; node++) {
    const text = part(node);
    if (text) found.set(text, (found.get(text) || 0) + 1);
  }
  return [...found].sort((a, b) => b[1] - a[1]).map(([text, number]) => [text, `${text} (${grouped(number)})`]);
}

// Everything that depends on the profile or on the data.
function present() {
  for (const section of document.querySelectorAll("[data-profile]")) section.hidden = section.dataset.profile !== state.profile;
  for (const radio of document.querySelectorAll("[name=profile]")) radio.checked = radio.value === state.profile;
  for (const button of document.querySelectorAll("button.copy")) button.hidden = false;
  const profile = data.profiles.indexOf(state.profile);
  fill($("verdict"), "All verdicts", VERDICTS.map((id, at) => [id, WORDS[at]]), state.verdict);
  fill($("cause"), "All causes", counts((node) => data.cause(profile, node)), state.cause);
  fill($("pool"), "All pools", counts(data.pool), state.pool);
  if ($("query").value !== state.query) $("query").value = state.query;
  show(data, state, view);
}

function chosen(change) {
  Object.assign(state, change);
  view.page = 0;
  toAddress();
  "profile" in change ? present() : show(data, state, view);
}

function follow() {
  const hash = location.hash.slice(1);
  const about = hash.startsWith("about-") && $(hash);
  if (about) {
    about.open = true;
    about.querySelector("summary").focus();
    about.scrollIntoView({ block: "start" });
  } else if (fromAddress()) {
    view.page = 0;
    present();
    $("nodes").focus({ preventScroll: true });
    $("nodes").scrollIntoView({ block: "start" });
  }
}

async function copy(button) {
  const code = button.parentElement.querySelector("code, pre");
  let done = true;
  try {
    await navigator.clipboard.writeText(code.textContent);
  } catch {
    // Where the browser gives no clipboard, the text is chosen at least.
    getSelection().selectAllChildren(code);
    done = document.execCommand("copy");
  }
  button.textContent = done ? "Copied" : "Press Ctrl+C";
  $("said").textContent = done ? "Copied" : "The text is selected: press Ctrl+C";
  setTimeout(() => { button.textContent = "Copy"; $("said").textContent = ""; }, 2000);
}

function ago() {
  const seconds = Math.max(0, (Date.now() - Date.parse($("time").dateTime)) / 1000);
  const units = [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];
  const [length, unit] = units.find(([length]) => seconds >= length) || units[3];
  const number = Math.floor(seconds / length);
  if (Number.isFinite(seconds)) $("age").textContent = `(${number} ${unit}${number === 1 ? "" : "s"} ago)`;
}

function buttonsOfTexts() {
  for (const pre of document.querySelectorAll(".text pre")) {
    const frame = make("div", { class: "held" });
    pre.tabIndex = 0;
    pre.replaceWith(frame);
    frame.append(pre, make("button", { type: "button", class: "copy", "aria-label": "Copy this text" }, "Copy"));
  }
}

function begin() {
  document.body.append(make("div", { id: "said", class: "away", role: "status" }));
  for (const id of ["chooser", "search", "pager", "themes"]) $(id).hidden = false;
  for (const head of document.querySelectorAll("#list thead th")) head.replaceChildren(make("button", { type: "button" }, head.textContent));
  buttonsOfTexts();

  let theme = "";
  try { theme = localStorage.getItem("theme") || ""; } catch { /* a browser may refuse */ }
  const paint = (value) => { if (value) document.documentElement.dataset.theme = value; else delete document.documentElement.dataset.theme; };
  if (!["light", "dark"].includes(theme)) theme = "";
  paint($("theme").value = theme);
  $("theme").addEventListener("change", ({ target }) => {
    paint(target.value);
    try { localStorage.setItem("theme", target.value); } catch { /* kept for this page alone */ }
  });

  $("chooser").addEventListener("change", ({ target }) => chosen({ profile: target.value, cause: "" }));
  for (const id of fields.slice(1)) $(id).addEventListener("change", ({ target }) => chosen({ [id]: target.value }));
  let waiting;
  $("query").addEventListener("input", ({ target }) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => chosen({ query: target.value }), 80);
  });
  $("search").addEventListener("submit", (event) => { event.preventDefault(); chosen({ query: $("query").value }); });
  $("clear").addEventListener("click", () => { state = { ...usual(), profile: state.profile }; chosen({ profile: state.profile }); $("query").focus(); });
  $("size").addEventListener("change", ({ target }) => { view.size = Number(target.value); view.page = 0; show(data, state, view); });
  const turn = { first: () => 0, previous: () => view.page - 1, next: () => view.page + 1, last: () => view.pages - 1 };
  for (const [id, to] of Object.entries(turn)) {
    $(id).addEventListener("click", () => {
      view.page = to();
      show(data, state, view);
      // A button that is switched off loses the focus.
      if ($(id).disabled) $(id === "first" || id === "previous" ? "next" : "previous").focus();
    });
  }
  $("list").tHead.addEventListener("click", ({ target }) => {
    const column = target.closest("button") && target.closest("th").dataset.column;
    if (!column) return;
    const order = { [`${column} up`]: `${column} down`, [`${column} down`]: "" };
    chosen({ sort: order[state.sort] ?? `${column} up` });
  });
  $("rows").addEventListener("click", ({ target }) => {
    const button = target.closest("button.open");
    if (!button) return;
    const name = button.dataset.node;
    if (!view.open.delete(name)) view.open.add(name);
    show(data, state, view);
    refocus(`button.open[data-node="${CSS.escape(name)}"]`);
  });
  document.addEventListener("click", ({ target }) => {
    const button = target.closest("button.copy");
    if (button) copy(button);
    // The address may be the one already: then nothing would be told of the click.
    const link = target.closest("a[href^='#']");
    if (link && link.getAttribute("href") === location.hash) follow();
  });
  addEventListener("hashchange", follow);
  fromAddress();
  present();
  if (location.hash) follow();
  ago();
  setInterval(ago, 1000);
}

function refocus(selector) {
  document.querySelector(selector)?.focus({ preventScroll: true });
}
