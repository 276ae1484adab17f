(() => {
  const home = new URL(document.currentScript.src).origin;
  for (const place of document.querySelectorAll(".chirp-button")) {
    const link = document.createElement("a");
    link.href = home + "/share";
    link.textContent = "Chirp this (128)";
    link.className = "chirp";
    place.replaceChildren(link);
  }
  new Image().src = home + "/seen?page=" + encodeURIComponent(location.pathname);
})();
