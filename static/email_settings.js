// Comforts of the Email SMTP page. Every one of them is done by the server as well, only later.
(() => {
  const WATCHED = ["host", "port", "security", "username", "from_address", "remove_password"];
  const RATES = ["rate_per_second", "rate_per_minute", "rate_per_day"];
  const PAUSE = 300; // milliseconds after the last key
  const settings = () => document.getElementById("settings");
  const field = (name) => settings().elements[name];
  const typedIn = (name, value) => {
    field(name).value = value;
  };

  // The usual port moves with the encryption; a port somebody has chosen stays.
  const USUAL_PORT = { starttls: "587", tls: "465" };
  document.addEventListener("change", (event) => {
    if (event.target.name !== "security" || event.target.form !== settings()) return;
    const port = field("port");
    if (Object.values(USUAL_PORT).includes(port.value)) port.value = USUAL_PORT[event.target.value] ?? port.value;
  });

  // A test that begins makes the problems of the try before it old; the answer brings new ones.
  document.addEventListener("htmx:before:request", () => {
    settings()?.querySelectorAll(".is-invalid").forEach((wrong) => wrong.classList.remove("is-invalid"));
    settings()?.querySelectorAll(".invalid-feedback, #problems").forEach((problem) => problem.remove());
  });

  // Advice beside the fields while they are typed. The rules are the server's; the password is not sent along.
  let pause, asked;
  const ask = async () => {
    const form = settings();
    asked?.abort();
    asked = new AbortController();
    const all = new FormData(form);
    const shown = new URLSearchParams(["csrf_token", ...WATCHED].flatMap((name) => (all.has(name) ? [[name, all.get(name)]] : [])));
    try {
      const answer = await fetch(form.dataset.adviceUrl, {
        method: "POST",
        headers: { "HX-Request": "true" }, // who is signed out is told so by the page they go to next, not by this answer
        body: shown,
        signal: asked.signal,
      });
      if (answer.ok && !answer.redirected) place(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch (error) {
      if (error.name !== "AbortError" && !(error instanceof TypeError)) throw error; // TypeError: no network just now
    }
  };
  const place = (answer) => {
    answer.querySelectorAll("[data-advice]").forEach((found) => {
      const here = document.querySelector(`[data-advice="${found.dataset.advice}"]`);
      // What has not changed stays, so that a screen reader does not say it again.
      if (here && here.textContent.trim() !== found.textContent.trim()) here.replaceChildren(...found.childNodes);
    });
    const needed = answer.querySelector('[data-advice="password"][data-needed]') !== null;
    const password = field("password");
    password.classList.toggle("is-needed", needed);
    password.setAttribute("aria-required", needed);
  };
  const askSoon = () => {
    clearTimeout(pause);
    pause = setTimeout(ask, PAUSE);
  };
  document.addEventListener("input", (event) => {
    if (event.target.form === settings() && settings()?.dataset.adviceUrl && WATCHED.includes(event.target.name)) askSoon();
  });

  // A provider's server is laid over what is typed; the rest stays.
  const fillIn = (chosen) => {
    const { host, port, security, username, label } = chosen.dataset;
    const words = [...chosen.parentElement.options].map((option) => option.dataset.username).filter(Boolean);
    typedIn("host", host);
    typedIn("security", security);
    typedIn("port", port);
    if (username || words.includes(field("username").value)) typedIn("username", username);
    RATES.forEach((name) => typedIn(name, chosen.dataset[name]));
    document.getElementById("preset-done").textContent = `Filled in for ${label}. Nothing is saved yet.`;
    const region = host.indexOf("{region}");
    field("host").focus();
    if (region >= 0) field("host").setSelectionRange(region, region + "{region}".length);
    askSoon();
  };
  document.addEventListener("submit", (event) => {
    if (event.target.id !== "presets") return;
    event.preventDefault();
    const chosen = event.target.elements.preset.selectedOptions[0];
    if (chosen.value) fillIn(chosen);
  });

  // A pasted smtps://host:465 or host:587 goes into its fields, in plain sight.
  document.addEventListener("change", (event) => {
    if (event.target.form !== settings() || event.target.name !== "host") return;
    const pasted = event.target.value.trim().match(/^(?:(smtps?|smtp\+starttls):\/\/)?([^\s:/?#@[\]]+)(?::(\d{1,5}))?\/?$/i);
    if (!pasted || (!pasted[1] && !pasted[3])) return;
    const [, scheme = "", host, port] = pasted;
    typedIn("host", host);
    if (scheme.toLowerCase() === "smtps" || port === "465") typedIn("security", "tls");
    if (port) typedIn("port", port);
    else if (scheme.toLowerCase() === "smtps") typedIn("port", "465");
    askSoon();
  });

  // A sign-in that ends while somebody types costs them nothing but the password: this tab keeps what they sent.
  const placeOf = (form) => `typed:${new URL(form.action).pathname}`;
  const keep = () => {
    const form = settings();
    const kept = [...new FormData(form)].filter(([name]) => !/password|csrf_token|seen/.test(name));
    sessionStorage.setItem(placeOf(form), JSON.stringify(kept));
  };
  const forget = () => sessionStorage.removeItem(placeOf(settings()));
  document.addEventListener("submit", (event) => {
    if (event.target === settings()) keep();
  });
  document.addEventListener("htmx:before:request", () => settings()?.dataset.adviceUrl && keep());
  document.addEventListener("htmx:after:swap", () => settings()?.dataset.adviceUrl && forget());
  const offer = () => {
    const form = settings();
    const kept = form?.dataset.adviceUrl && sessionStorage.getItem(placeOf(form));
    if (!kept) return;
    const page = new URL(form.action).pathname.replace(/\/[^/]*$/, "");
    const before = document.referrer ? new URL(document.referrer).pathname : "";
    const told = document.getElementById("typed-before");
    // Whoever comes from this very page has got an answer to what they sent.
    if (before.startsWith(page) || !told) return void forget();
    told.hidden = false;
    told.querySelector("[data-put-back]").addEventListener("click", () => {
      JSON.parse(kept).forEach(([name, value]) => field(name) && typedIn(name, value));
      told.hidden = true;
      forget();
      field("host").focus();
      askSoon();
    });
    told.querySelector("[data-forget]").addEventListener("click", () => {
      told.hidden = true;
      forget();
    });
  };
  offer();
})();
