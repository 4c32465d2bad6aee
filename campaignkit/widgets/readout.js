// What a widget says: a headline that screen readers announce, an error, and SQL that can be copied.
const make = (tag, name, parent) => {
  const node = document.createElement(tag);
  node.className = name;
  parent.append(node);
  return node;
};

// ipywidgets names neither the ends of a slider nor the lists after their labels; a screen reader needs it. And Lab
// takes the arrow keys for its own from whatever has the focus, unless that very element says not to.
const name = (root) => {
  for (const control of root.querySelectorAll("select, input, button, pre, .noUi-handle")) {
    control.setAttribute("data-lm-suppress-shortcuts", "true");
  }
  for (const box of root.querySelectorAll(".widget-inline-hbox")) {
    const label = box.querySelector(":scope > .widget-label")?.textContent.trim();
    if (!label) continue;
    const ends = [...box.querySelectorAll(".noUi-handle")];
    ends.forEach((end, place) => {
      const text = ends.length > 1 ? `${label}, ${place ? "to" : "from"}` : label;
      if (end.getAttribute("aria-label") !== text) end.setAttribute("aria-label", text);
    });
    for (const field of box.querySelectorAll("select, input")) {
      if (!field.labels?.length && !field.getAttribute("aria-label")) field.setAttribute("aria-label", label);
    }
  }
};

const BUSY_AFTER = 300; // milliseconds: what is quicker needs no sign

const copy = async (pre, said) => {
  try {
    await navigator.clipboard.writeText(pre.textContent);
    said.textContent = "copied";
  } catch {
    getSelection().selectAllChildren(pre);
    said.textContent = "selected: press Ctrl+C";
  }
  setTimeout(() => { said.textContent = ""; }, 3000);
};

export default {
  render({ model, el }) {
    el.classList.add("ck-readout");
    const live = make("div", "ck-live", el);
    live.setAttribute("role", "status");
    live.setAttribute("aria-live", "polite");
    const headline = make("div", "ck-headline", live);
    const detail = make("div", "ck-detail", live);
    const busy = make("div", "ck-busy", el);
    busy.setAttribute("role", "status");
    const error = make("div", "ck-error", el);
    error.setAttribute("role", "alert");
    const block = make("details", "ck-sql", el);
    block.open = true;
    const summary = make("summary", "", block);
    summary.textContent = model.get("title");
    const button = make("button", "ck-copy jupyter-button widget-button", block);
    button.textContent = "Copy";
    const said = make("span", "ck-said", block);
    said.setAttribute("role", "status");
    const pre = make("pre", "", block);
    pre.tabIndex = 0;
    pre.setAttribute("aria-label", model.get("title"));
    button.addEventListener("click", () => copy(pre, said));
    const draw = () => {
      headline.textContent = model.get("headline");
      detail.textContent = model.get("detail");
      error.textContent = model.get("error");
      error.hidden = !model.get("error");
      live.hidden = !model.get("headline") && !model.get("detail");
      pre.textContent = model.get("sql");
      block.hidden = !model.get("sql");
    };
    let waiting = null;
    const wait = () => {
      clearTimeout(waiting);
      const show = (text) => {
        busy.textContent = text;
        el.classList.toggle("ck-working", text !== "");
      };
      if (model.get("busy")) waiting = setTimeout(() => show("Working…"), BUSY_AFTER);
      else show("");
    };
    model.on("change", draw);
    model.on("change:busy", wait);
    draw();
    wait();
    let root = null;
    const watch = new MutationObserver(() => name(root));
    const find = setInterval(() => {
      root = el.closest(".ck-widget");
      if (!root) return;
      clearInterval(find);
      name(root);
      watch.observe(root, { childList: true, subtree: true });
    }, 100);
    return () => { clearInterval(find); clearTimeout(waiting); watch.disconnect(); };
  },
};
