// Search results show an excerpt each. Sphinx fetches the pages for that, which file:// forbids: excerpts.js has their texts.
const fetchPage = window.fetch;
window.fetch = (address, ...rest) => {
  const name = String(address).replace(/^\.\//, "").replace(/\.html$/, "");
  return name in EXCERPTS ? Promise.resolve({ text: () => name }) : fetchPage(address, ...rest);
};
Search.htmlToText = (name, anchor) => EXCERPTS[name]?.[anchor || ""] ?? EXCERPTS[name]?.[""] ?? "";
