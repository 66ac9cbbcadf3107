// What HTML cannot say by itself. Every page works without this file.

const announce = (words) => {
  const live = document.getElementById("live");
  live.textContent = "";
  setTimeout(() => { live.textContent = words; }, 50);
};

// Messages and the fields they belong to ---------------------------------------------------------------------------

const INPUTS = "input:not([type=hidden]), textarea, select";

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

const around = (element) => element?.closest?.(".field") ?? element ?? document;

document.addEventListener("htmx:afterSettle", (event) => {
  const { target, requestConfig } = event.detail;
  const first = markFields(around(target));
  if (target?.id === "notice") {
    target.querySelector("a, button")?.focus({ preventScroll: true });
  } else if (requestConfig?.triggeringEvent?.type === "submit") {
    first?.focus();
  }
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
for (const name of ["htmx:afterRequest", "htmx:sendAbort", "htmx:validation:halted"]) {
  document.addEventListener(name, (event) => {
    const form = event.target.closest?.("form") ?? event.detail.elt?.closest?.("form");
    if (form) setBusy(form, false);
  });
}
addEventListener("pageshow", () => document.querySelectorAll("form[data-busy]").forEach((form) => setBusy(form, false)));

document.addEventListener("htmx:sendError", () => {
  announce("The workspace did not answer. Nothing was changed, and everything typed is still here.");
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
  const answer = await fetch(form.action, {
    method: "POST", body: new URLSearchParams(new FormData(form, chosen)), redirect: "manual",
  });
  if (!answer.ok && answer.type !== "opaqueredirect") return form.submit();
  document.documentElement.dataset.theme = chosen.value;
  for (const button of buttonsOf(form)) button.setAttribute("aria-pressed", String(button === chosen));
  announce(`Theme: ${chosen.getAttribute("aria-label")}`);
});

// As the page came from the server -----------------------------------------------------------------------------------

const firstWrong = markFields(document);
if (firstWrong && !document.querySelector("[autofocus]")) firstWrong.focus();
