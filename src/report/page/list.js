// The list of nodes. All that came from a cluster is put in as text, never as markup.
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null && child !== ""));
  return element;
}

function mark(verdict) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "mark");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#m-${VERDICTS[verdict]}`);
  svg.append(use);
  return make("span", { class: `verdict ${VERDICTS[verdict]}` }, svg, ` ${WORDS[verdict]}`);
}

function row(data, profile, node, open) {
  const name = data.name(node);
  const button = make("button", { type: "button", class: "open", "aria-expanded": String(open), "data-node": name }, name);
  const cell = (kind, text) => make("td", { class: `c-${kind}`, title: text || undefined }, text);
  return make("tr", {},
    make("th", { scope: "row" }, button),
    make("td", {}, mark(data.verdict(profile, node))),
    cell("cause", data.cause(profile, node)), cell("pool", data.pool(node)), cell("os", data.os(node)),
    cell("message", said(data, profile, node)));
}

function held(code, label) {
  return make("div", { class: "fix" }, make("code", {}, code), make("button", { type: "button", class: "copy", "aria-label": label }, "Copy"));
}

function details(data, node) {
  const name = data.name(node);
  const fact = (title, text) => text ? make("div", {}, make("dt", {}, title), make("dd", {}, text)) : null;
  const facts = make("dl", {},
    fact("Pool", data.pool(node)), fact("Operating system", data.os(node)), fact("Kernel", data.kernel(node)), fact("Kubelet", data.kubelet(node)),
    fact("Container runtime", data.runtime(node)), fact("Made at", data.created(node)), fact("Kubelet says ready", data.kubeletReady(node)),
    fact("Cordoned", data.cordoned(node)), fact("Why silent", data.silence(node)));
  const answers = data.profiles.map((id, profile) => {
    const [cause, message, since, heartbeat] = [data.cause, data.message, data.since, data.heartbeat].map((part) => part(profile, node));
    const times = [since && `since ${since}`, heartbeat && `last heard of at ${heartbeat}`].filter(Boolean).join(", ");
    const fix = data.fix(profile, node) || (cause && data.fixes[profile][cause]);
    const known = cause && $(`about-${cause}`);
    return make("li", {}, make("b", {}, id), " ", mark(data.verdict(profile, node)),
      cause ? make(known ? "a" : "span", { class: "why", href: known ? `#about-${cause}` : undefined }, cause) : "", times ? make("small", {}, ` ${times}`) : "",
      message ? make("p", {}, message) : "", fix ? held(fix, `Copy the fix of ${cause} for ${id}`) : "");
  });
  for (const answer of answers) answer.querySelector(".why")?.before(" ");
  const more = make("div", { class: "detail-text" }, facts, make("ul", { class: "answers" }, ...answers));
  // A name that is none must not become a command that somebody pastes.
  if (/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(name)) more.append(held(`kubectl describe node ${name}`, `Copy the command for ${name}`));
  return make("tr", { class: "detail" }, make("td", { colspan: "6" }, more));
}

const grouped = (number) => number.toLocaleString("en-US");

function show(data, state, view) {
  const chosen = choose(data, state);
  const pages = Math.max(1, Math.ceil(chosen.length / view.size));
  view.page = Math.min(Math.max(0, view.page), pages - 1);
  view.pages = pages;
  const profile = Math.max(0, data.profiles.indexOf(state.profile));
  const begin = view.page * view.size;
  const rows = [];
  for (const node of chosen.slice(begin, begin + view.size)) {
    const open = view.open.has(data.name(node));
    rows.push(row(data, profile, node, open));
    if (open) rows.push(details(data, node));
  }
  if (!rows.length) rows.push(make("tr", {}, make("td", { colspan: "6" }, data.count ? "No node matches. Clear the filters to see all." : "The cluster has no nodes.")));
  $("rows").replaceChildren(...rows);
  const all = `${grouped(data.count)} ${data.count === 1 ? "node" : "nodes"}`;
  const text = chosen.length === data.count ? `All ${all}` : `${grouped(chosen.length)} of ${all}`;
  // Said anew only where it is another: else a reader of the screen hears it at each refresh.
  if ($("found").textContent !== text) $("found").textContent = text;
  $("page").textContent = `Page ${grouped(view.page + 1)} of ${grouped(pages)}`;
  for (const id of ["first", "previous"]) $(id).disabled = view.page === 0;
  for (const id of ["next", "last"]) $(id).disabled = view.page === pages - 1;
  for (const head of document.querySelectorAll("#list thead th")) {
    const [column, direction] = state.sort.split(" ");
    const order = head.dataset.column !== column ? "none" : direction === "down" ? "descending" : "ascending";
    head.setAttribute("aria-sort", order);
  }
}

function fill(select, all, options, value) {
  const chosen = options.some(([id]) => id === value) || !value ? options : [...options, [value, value]];
  select.replaceChildren(make("option", { value: "" }, all), ...chosen.map(([id, text]) => make("option", { value: id }, text)));
  select.value = value;
}
