// Small comforts; every page works without them.

// Times in the reader's zone, from the next page on. Not a secret, and checked by the server (local_time.py).
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (/^[\w+/-]+$/.test(zone)) document.cookie = `zone=${zone}; path=/; max-age=31536000; samesite=lax`;

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
