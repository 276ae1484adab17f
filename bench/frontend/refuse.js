// Refuses at the first moment at which a visitor could: in each frame it looks for the button, given by the selectors in
// `path`, each within the shadow tree or the element before. Tells benchTold of the page's first paint, of the button being
// seen, of each click, and of the banner being gone or another page being there: then the last click was honoured. One that
// was not taken is made again.
(() => {
  const path = PATH;
  const AGAIN = 100;
  const tell = (what, at = performance.now()) => benchTold(JSON.stringify({ what, at }));
  if (sessionStorage.benchClicked) tell("done");
  if (sessionStorage.benchBegun) return;
  sessionStorage.benchBegun = 1;
  const find = () => path.reduce((within, selector) => within && (within.shadowRoot ?? within).querySelector(selector), document);
  const middle = (element) => {
    const box = element.getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
  };
  // In the viewport, and at least half opaque.
  const isSeen = (element) => {
    if (!element?.checkVisibility({ visibilityProperty: true })) return false;
    const [x, y] = middle(element);
    if (!(x > 0 && y > 0 && x < innerWidth && y < innerHeight)) return false;
    let opacity = 1;
    for (let at = element; at; at = at.parentElement ?? at.getRootNode().host) opacity *= Number(getComputedStyle(at).opacity);
    return opacity >= 0.5;
  };
  // A pointer there would meet it.
  const isMet = (element) => {
    const [x, y] = middle(element);
    let met = document.elementFromPoint(x, y);
    while (met?.shadowRoot) {
      const inner = met.shadowRoot.elementFromPoint(x, y);
      if (!inner || inner === met) break;
      met = inner;
    }
    return element.contains(met);
  };
  let seen = false;
  let painted = false;
  let clicked = 0;
  // A form that is on its way to the server has taken the click, however long the answer takes.
  let taken = false;
  addEventListener("submit", () => (taken = true), true);
  const frame = () => {
    const button = find();
    const [paint] = performance.getEntriesByName("first-contentful-paint");
    if (paint && !painted) {
      painted = true;
      tell("painted", paint.startTime);
    }
    const now = isSeen(button);
    if (now && !seen) {
      seen = true;
      tell("seen");
    }
    if (clicked && !now) return tell("done");
    if (now && painted && !taken && isMet(button) && (!clicked || performance.now() - clicked > AGAIN)) {
      clicked = sessionStorage.benchClicked = performance.now();
      tell("click");
      button.click();
    }
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
})();
