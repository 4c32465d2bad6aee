// What scrolls sideways (code, tables, charts) can be reached by keyboard, as a mouse can scroll it.
const reach = () => {
  for (const box of document.querySelectorAll("pre, .output.text_html, .table-wrapper, .highlight, figure.ck-figure, .ck-table")) {
    if (box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight + 1) box.tabIndex = 0;
  }
};
addEventListener("load", () => { reach(); setTimeout(reach, 1500); });
addEventListener("resize", reach);
