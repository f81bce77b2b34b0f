// Served pages read themselves again. What was typed, chosen and opened stays; so does the focus.
function watch(every) {
  let paused = false;
  let tag = null;
  const pause = $("pause");
  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    pause.textContent = paused ? "Paused" : "Pause";
  });

  const tell = (text) => {
    if ($("notice").textContent.trim() !== text) $("notice").replaceChildren(...(text ? [make("p", { class: "notice" }, text)] : []));
  };

  function swap(page) {
    const active = document.activeElement;
    const within = active && ["summary", "abouts"].some((id) => $(id).contains(active));
    const focused = active?.dataset.node ? `button.open[data-node="${CSS.escape(active.dataset.node)}"]` : within ? path(active) : null;
    const opened = [...document.querySelectorAll("details[open]")].map((element) => element.id);
    for (const id of ["summary", "abouts", "read"]) $(id).replaceWith(document.adoptNode(page.getElementById(id)));
    for (const share of document.querySelectorAll("[data-share]")) {
      const now = page.querySelector(`[data-share="${CSS.escape(share.dataset.share)}"]`);
      if (now) share.textContent = now.textContent;
    }
    for (const id of opened) if ($(id)) $(id).open = true;
    buttonsOfTexts();
    data = read(page);
    present();
    ago();
    if (focused) refocus(focused);
  }

  // An element by the places that lead to it.
  function path(element) {
    const steps = [];
    for (let at = element; at && !at.id; at = at.parentElement) steps.unshift(`${at.localName}:nth-child(${[...at.parentElement.children].indexOf(at) + 1})`);
    const root = element.closest("[id]");
    return [`#${CSS.escape(root.id)}`, ...steps].join(" > ");
  }

  function ask() {
    if (paused || document.hidden) return setTimeout(ask, every * 1000);
    // It gives a document whose scripts don't run.
    const request = new XMLHttpRequest();
    request.open("GET", location.pathname);
    request.responseType = "document";
    request.timeout = 30000;
    if (tag) request.setRequestHeader("If-None-Match", tag);
    request.onload = () => {
      const page = request.response;
      if (request.status === 200 && page?.getElementById("data")) {
        tag = request.getResponseHeader("ETag");
        tell(page.getElementById("notice").textContent.trim());
        swap(page);
      } else if (request.status !== 304) {
        tell(`The server of this page answered with ${request.status}. The data is from ${$("time").dateTime}.`);
      }
    };
    request.onerror = request.ontimeout = () => tell(`The server of this page does not answer. The data is from ${$("time").dateTime}.`);
    request.onloadend = () => setTimeout(ask, every * 1000);
    request.send();
  }
  setTimeout(ask, every * 1000);
}

begin();
if (document.documentElement.dataset.live) watch(Number(document.documentElement.dataset.live));
