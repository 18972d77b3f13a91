// Comforts of Test connection; without them pages are loaded anew, and forms are sent.

// What a test says is read out by one region that stays: the panel itself is replaced every second.
const spoken = document.createElement("p");
spoken.className = "visually-hidden";
spoken.setAttribute("role", "status");
document.body.append(spoken);
const say = (words) => {
  if (words && spoken.textContent !== words) spoken.textContent = words;
};

// The field that the diagnosis concerns is outlined and described by it, as in a page of the server.
const described = (field) => (field.getAttribute("aria-describedby") || "").split(" ").filter(Boolean);
const outline = (field, diagnosis) => {
  if (!described(field).includes(diagnosis)) field.setAttribute("aria-describedby", [diagnosis, ...described(field)].join(" "));
  if (!field.matches("fieldset")) field.setAttribute("aria-invalid", "true");
  field.classList.add(field.matches("fieldset") ? "is-suspect" : "is-invalid");
  field.closest("details")?.setAttribute("open", "");
};
const forget = (field, diagnosis) => {
  field.setAttribute("aria-describedby", described(field).filter((id) => id !== diagnosis).join(" "));
  field.classList.remove("is-suspect", "is-invalid");
  field.removeAttribute("aria-invalid");
};

const look = (panel) => {
  say(panel.dataset.says);
  panel.querySelectorAll("[data-copy-report]").forEach((button) => button.removeAttribute("hidden"));
};
const follow = (panel) => {
  document.querySelectorAll('#settings [aria-describedby~="probe-diagnosis"]').forEach((field) => forget(field, "probe-diagnosis"));
  const suspect = panel.dataset.field && document.getElementById(panel.dataset.field);
  if (suspect) outline(suspect, panel.dataset.diagnosis);
};
document.addEventListener("htmx:after:swap", () => {
  const panel = document.getElementById("probe");
  if (!panel) return;
  look(panel);
  follow(panel);
});
// In a page that comes whole, the server has outlined the field, if its form holds what was tested.
const shown = document.getElementById("probe");
if (shown) look(shown);

// Apply fix: what was typed stays, the password too; then the same button is pressed again.
const set = (form, name, value) => {
  const field = form.elements[name];
  field.value = value;
  const changed = field instanceof RadioNodeList ? [...field].find((choice) => choice.checked) : field;
  changed.dispatchEvent(new Event("change", { bubbles: true }));
};
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-fix]");
  if (!button) return;
  event.preventDefault();
  const { form } = button;
  const fix = JSON.parse(button.dataset.fix);
  // The encryption first: the usual port follows it by itself, and the fix may name another.
  const names = Object.keys(fix).sort((name) => (name === "security" ? -1 : 1));
  names.forEach((name) => set(form, name, String(fix[name])));
  const again = button.dataset.again ? `[formaction="${button.dataset.again}"]` : "button:not([formaction]):not([type])";
  form.querySelector(again).click();
});

// Copy report: the text comes when it is asked for; where the clipboard is closed to us, it is shown instead.
const copy = async (url) => {
  const text = fetch(url).then((answer) => (answer.ok ? answer.text() : Promise.reject(new Error(answer.statusText))));
  const blob = text.then((words) => new Blob([words], { type: "text/plain" }));
  if (window.ClipboardItem) await navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
  else await navigator.clipboard.writeText(await text);
};
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy-report]");
  if (!button) return;
  try {
    await copy(button.dataset.copyReport);
    button.lastChild.textContent = " Copied";
    say("The report is copied.");
  } catch {
    window.location.assign(button.dataset.copyReport);
  }
});
