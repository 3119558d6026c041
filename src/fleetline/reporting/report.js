// All of the page can be read without this: it chooses light or dark, marks where one is, opens what is folded for print,
// and makes a picture's file out of the picture itself, so that the page works when it is sent alone.
(() => {
  const root = document.documentElement, button = document.getElementById("theme");
  const kept = (() => { try { return localStorage; } catch { return null; } })();
  const dark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const name = () => { button.textContent = dark() ? "Light" : "Dark"; button.setAttribute("aria-label", `Show the page in ${dark() ? "light" : "dark"} colours`); };
  button.hidden = false;
  button.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; kept?.setItem("fleetline-theme", root.dataset.theme); name(); });
  name();

  const links = new Map([...document.querySelectorAll(".side a")].map((link) => [link.hash.slice(1), link]));
  const seen = new IntersectionObserver((entries) => entries.filter((each) => each.isIntersecting).forEach((each) => {
    links.forEach((link) => link.removeAttribute("aria-current"));
    links.get(each.target.id)?.setAttribute("aria-current", "true");
  }), { rootMargin: "-10% 0px -80% 0px" });
  document.querySelectorAll("main section[id]").forEach((section) => seen.observe(section));

  const open = (id) => { for (let at = document.getElementById(id); at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true; };
  const arrive = () => { const id = decodeURIComponent(location.hash.slice(1)); open(id); if (id) document.getElementById(id)?.scrollIntoView(); };
  addEventListener("hashchange", arrive);
  if (location.hash) arrive();
  addEventListener("beforeprint", () => document.querySelectorAll("main details").forEach((each) => { each.open = true; }));

  const save = (blob, name) => { const link = document.createElement("a"); link.href = URL.createObjectURL(blob); link.download = name; link.click(); setTimeout(() => URL.revokeObjectURL(link.href), 1000); };
  document.querySelectorAll("a[data-picture]").forEach((link) => link.addEventListener("click", (event) => {
    event.preventDefault();
    const name = link.dataset.picture, picture = document.querySelector(`#figure-${name} .large`).cloneNode(true);
    picture.setAttribute("font-family", "Helvetica Neue, Arial, Liberation Sans, sans-serif");
    const svg = new Blob([new XMLSerializer().serializeToString(picture)], { type: "image/svg+xml" });
    if (link.textContent === "SVG") return save(svg, `${name}.svg`);
    const image = new Image(), canvas = document.createElement("canvas");
    image.onload = () => {
      canvas.width = 2 * image.width; canvas.height = 2 * image.height;
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob((blob) => save(blob, `${name}.png`));
    };
    image.src = URL.createObjectURL(svg);
  }));
})();
