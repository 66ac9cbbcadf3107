// What HTML cannot say by itself. Every page works without this file.

const announce = (words) => {
  const live = document.getElementById("live");
  live.textContent = "";
  setTimeout(() => { live.textContent = words; }, 50);
};

// Messages and the fields they belong to ---------------------------------------------------------------------------

const INPUTS = "input:not([type=hidden], [type=file]), textarea, select";

/** Mark the fields of which a message says that they are wrong; answers the first. */
const markFields = (root) => {
  let first = null;
  for (const messages of root.querySelectorAll(".messages")) {
    const wrong = messages.querySelector(".error") !== null;
    for (const input of messages.closest(".field")?.querySelectorAll(INPUTS) ?? []) {
      if (wrong) {
        input.setAttribute("aria-invalid", "true");
        first ??= input;
      } else {
        input.removeAttribute("aria-invalid");
      }
    }
  }
  return first;
};

const bySubmit = (detail) => detail.requestConfig?.triggeringEvent?.type === "submit";

/** What stands in the way is looked at first: a field that is wrong, or else what an alert says. */
const focusOnRefusal = (first) => {
  const alert = [...document.querySelectorAll("[role=alert]")].find((one) => one.textContent.trim());
  const next = first ?? alert?.querySelector("a, button") ?? alert;
  if (next === alert) next?.setAttribute("tabindex", "-1");
  next?.focus();
};

const settled = new WeakSet();
document.addEventListener("htmx:afterSettle", ({ detail }) => {
  if (!detail.xhr || settled.has(detail.xhr)) return;
  settled.add(detail.xhr);
  const first = markFields(document);
  if (bySubmit(detail) && detail.xhr.status >= 400) focusOnRefusal(detail.target.id === "notice" ? null : first);
});

// Refusals stand in the page's notice; what asked stays as it is ----------------------------------------------------

const OVER = "[data-refusal=session-over]";

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const notice = document.getElementById("notice");
  const refusal = /^\s*<div [^>]*data-refusal="([a-z-]+)"/.exec(detail.serverResponse)?.[1];
  if (refusal) {
    detail.target = notice;
    detail.swapOverride = "innerHTML";
    // What asks every second says it once.
    detail.shouldSwap = bySubmit(detail) || refusal !== "session-over" || !notice.querySelector(OVER);
  } else if (detail.xhr.status < 400) {
    notice.querySelector(OVER)?.remove();
  }
});

document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  if (bySubmit(detail)) document.getElementById("notice").replaceChildren();
});

// A form is sent once ------------------------------------------------------------------------------------------------
// Buttons are marked rather than disabled: a disabled button loses the focus, and its value is not sent.

const buttonsOf = (form) => [...form.elements].filter((element) => element.type === "submit");

const setBusy = (form, busy) => {
  form.toggleAttribute("data-busy", busy);
  for (const button of buttonsOf(form)) {
    if (busy) button.setAttribute("aria-disabled", "true");
    else button.removeAttribute("aria-disabled");
  }
};

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.hasAttribute("data-busy")) {
    event.preventDefault();
    event.stopImmediatePropagation();
  } else if (!form.hasAttribute("data-theme-form")) {
    setBusy(form, true);
  }
}, { capture: true });

// Whatever ended the sending, the form can be sent again: an answer, an error, a page that comes back from the cache.
// An answer that leads to another page leaves it busy: the second click of a double click comes while that page loads.
for (const name of ["htmx:afterRequest", "htmx:validation:halted"]) {
  document.addEventListener(name, ({ detail }) => {
    if (detail.elt instanceof HTMLFormElement && !detail.xhr?.getResponseHeader("HX-Redirect")) setBusy(detail.elt, false);
  });
}
addEventListener("pageshow", () => document.querySelectorAll("form[data-busy]").forEach((form) => setBusy(form, false)));

document.addEventListener("htmx:sendError", ({ detail }) => {
  if (!bySubmit(detail)) return;
  const said = document.createElement("div");
  said.className = "notice bad";
  said.setAttribute("role", "alert");
  said.textContent = "The workspace did not answer. Everything typed is still here; look at the page again before you repeat it.";
  document.getElementById("notice").replaceChildren(said);
});

// Rows that repeat ---------------------------------------------------------------------------------------------------
// <button data-add-row="#list" data-row-template="#template" data-said="Row added">; rows carry data-row, and a
// button with data-remove-row. `__n__` in the template's ids becomes a number of its own.

let rowsMade = 0;

const numbered = (row) => {
  const number = `new-${++rowsMade}`;
  for (const element of [row, ...row.querySelectorAll("*")]) {
    for (const attribute of element.attributes) {
      if (attribute.value.includes("__n__")) attribute.value = attribute.value.replaceAll("__n__", number);
    }
  }
  return row;
};

const rowsChanged = (list, words) => {
  list.dispatchEvent(new Event("change", { bubbles: true }));
  announce(words);
};

const addRow = (button) => {
  const list = document.querySelector(button.dataset.addRow);
  const template = document.querySelector(button.dataset.rowTemplate);
  const row = numbered(template.content.firstElementChild.cloneNode(true));
  list.append(row);
  globalThis.htmx?.process(row);
  row.querySelector(INPUTS)?.focus();
  rowsChanged(list, button.dataset.said ?? "Row added");
};

const removeRow = (button) => {
  const row = button.closest("[data-row]");
  const list = row.parentElement;
  const neighbour = row.nextElementSibling ?? row.previousElementSibling;
  const next = neighbour?.querySelector(INPUTS) ?? document.querySelector(`[data-add-row="#${list.id}"]`);
  // What is on its way would look for the row.
  for (const asking of row.closest("form")?.querySelectorAll("[hx-sync='this:replace']") ?? []) {
    globalThis.htmx?.trigger(asking, "htmx:abort");
  }
  row.remove();
  next?.focus();
  rowsChanged(list, button.dataset.said ?? "Row removed");
};

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-add-row], [data-remove-row]");
  if (!button) return;
  event.preventDefault();
  if (button.hasAttribute("data-add-row")) addRow(button);
  else removeRow(button);
});

// A chosen text file goes into its text area; what is not text is left to the server --------------------------------

const LARGEST_TEXT_BYTES = 512 * 1024;

const textOf = async (file) => {
  if (file.size > LARGEST_TEXT_BYTES) return null;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
    return text.includes("\0") ? null : text;
  } catch {
    return null;
  }
};

document.addEventListener("change", async (event) => {
  const input = event.target;
  if (!input.matches?.("input[type=file][data-file-to]") || !input.files.length) return;
  const file = input.files[0];
  const text = await textOf(file);
  if (text === null) return;
  const area = document.querySelector(input.dataset.fileTo);
  area.value = text;
  input.value = "";
  area.dispatchEvent(new Event("input", { bubbles: true }));
  area.dispatchEvent(new Event("change", { bubbles: true }));
  announce(`The text of ${file.name} is in the field now`);
});

// The theme changes in place, so that a half-filled form stays -------------------------------------------------------

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.hasAttribute("data-theme-form") || !event.submitter) return;
  event.preventDefault();
  const chosen = event.submitter;
  const body = new URLSearchParams(new FormData(form, chosen));
  const answer = await fetch(form.action, { method: "POST", body, redirect: "manual" }).catch(() => null);
  if (answer?.type !== "opaqueredirect") {
    announce("The theme was not changed: the workspace did not take it");
    return;
  }
  document.documentElement.dataset.theme = chosen.value;
  for (const button of buttonsOf(form)) button.setAttribute("aria-pressed", String(button === chosen));
  announce(`Theme: ${chosen.getAttribute("aria-label")}`);
});

// News: what a part of the page found out by itself, for whoever does not see it -------------------------------------

const newsOnPage = () => new Set([...document.querySelectorAll("[data-news]")].map((element) => element.dataset.news));

let toldNews = newsOnPage();

document.addEventListener("htmx:afterSettle", () => {
  const now = newsOnPage();
  const news = [...now].filter((words) => !toldNews.has(words));
  toldNews = now;
  if (news.length) announce(news.join(". "));
});

// As the page came from the server -----------------------------------------------------------------------------------

const firstWrong = markFields(document);
if (firstWrong && !document.querySelector("[autofocus]")) firstWrong.focus();
