// What the page knows of the nodes: columns of numbers that point into one list of texts. Text 0 is empty: not known.
const VERDICTS = ["ready", "not-ready", "unknown", "silent"];
const WORDS = ["ready", "not ready", "unknown", "silent"];

const $ = (id) => document.getElementById(id);

function read(page) {
  const data = JSON.parse(page.getElementById("data").textContent);
  const { texts, columns, answers, names } = data;
  const column = (name) => (node) => texts[columns[name][node]];
  const answer = (name) => (profile, node) => texts[answers[profile][name][node]];
  return {
    ...data,
    count: names.length,
    name: (node) => names[node],
    pool: column("pool"), os: column("os"), kernel: column("kernel"), kubelet: column("kubelet"), runtime: column("runtime"),
    created: column("created"), kubeletReady: column("kubeletReady"), cordoned: column("cordoned"), silence: column("silence"),
    verdict: (profile, node) => answers[profile].verdict[node],
    cause: answer("cause"), message: answer("message"), fix: answer("fix"), since: answer("since"), heartbeat: answer("heartbeat"),
    found: [],
  };
}

// What a search looks at, for each node, in small letters. Made at the first search.
function haystack(data, profile) {
  if (!data.found[profile]) {
    const parts = [data.name, data.pool, data.os, data.kernel, data.kubelet, data.runtime, data.silence];
    const said = [data.cause, data.message];
    const line = (_, node) => [...parts.map((part) => part(node)), ...said.map((part) => part(profile, node))].join("\n").toLowerCase();
    data.found[profile] = Array.from({ length: data.count }, line);
  }
  return data.found[profile];
}

// The nodes that a state asks for, in its order.
function choose(data, state) {
  const profile = Math.max(0, data.profiles.indexOf(state.profile));
  const words = state.query.toLowerCase().split(/\s+/).filter(Boolean);
  const lines = words.length ? haystack(data, profile) : [];
  const verdict = VERDICTS.indexOf(state.verdict);
  const chosen = [];
  for (let node = 0; node < data.count; node++) {
    if (verdict >= 0 && data.verdict(profile, node) !== verdict) continue;
    if (state.cause && data.cause(profile, node) !== state.cause) continue;
    if (state.pool && data.pool(node) !== state.pool) continue;
    if (words.every((word) => lines[node].includes(word))) chosen.push(node);
  }
  return sorted(data, chosen, profile, state.sort);
}

function sorted(data, nodes, profile, sort) {
  const [column, direction] = sort.split(" ");
  const key = {
    name: data.name, pool: data.pool, os: data.os,
    verdict: (node) => data.verdict(profile, node),
    cause: (node) => data.cause(profile, node),
    message: (node) => said(data, profile, node),
  }[column];
  if (!key) return nodes;
  const { compare } = new Intl.Collator("en", { numeric: true });
  const by = column === "verdict" ? (a, b) => key(a) - key(b) : (a, b) => compare(key(a), key(b));
  const turned = direction === "down" ? -1 : 1;
  return nodes.sort((a, b) => turned * by(a, b) || a - b);
}

const said = (data, profile, node) => data.message(profile, node) || (VERDICTS[data.verdict(profile, node)] === "silent" ? data.silence(node) : "");
