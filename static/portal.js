// Small comforts; every page works without them.

// A menu closes when something else is clicked, or by Escape.
const openMenus = () => document.querySelectorAll("details[data-closes-outside][open]");
document.addEventListener("click", (event) => {
  openMenus().forEach((menu) => menu.contains(event.target) || menu.removeAttribute("open"));
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  openMenus().forEach((menu) => {
    menu.removeAttribute("open");
    menu.querySelector("summary").focus();
  });
});

// A test that begins makes the problems of the try before it old; the answer brings new ones.
document.addEventListener("htmx:before:request", () => {
  document.querySelectorAll("#settings .is-invalid").forEach((field) => field.classList.remove("is-invalid"));
  document.querySelectorAll("#settings .invalid-feedback, #problems").forEach((problem) => problem.remove());
});

// The usual port moves with the encryption; a port somebody has chosen stays.
const usualPort = { starttls: "587", tls: "465" };
document.addEventListener("change", (event) => {
  const port = document.getElementById("port");
  if (event.target.name !== "security" || !port || !Object.values(usualPort).includes(port.value)) return;
  port.value = usualPort[event.target.value] ?? port.value;
});
