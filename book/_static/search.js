// Search results show an excerpt each. Sphinx fetches the pages for that, which file:// forbids: excerpts.js has their texts.
const fetchPage = window.fetch;
window.fetch = (address, ...rest) => {
  const name = String(address).replace(/^\.\//, "").replace(/\.html$/, "");
  return name in EXCERPTS ? Promise.resolve({ text: () => name }) : fetchPage(address, ...rest);
};
Search.htmlToText = (name, anchor) => EXCERPTS[name]?.[anchor || ""] ?? EXCERPTS[name]?.[""] ?? "";

// Sphinx asks that a page hold every word. Here the pages come that hold at least half, by how many they hold, how rare
// these are, and whether they stand in the title or among what people call the task; tasks come before the reference.
const findPages = Search.performTermsSearch;
const stems = (text) => splitQuery(text.toLowerCase()).map((word) => new Stemmer().stemWord(word));
const named = Object.entries(EVERYDAY_NAMES).map(([page, text]) => [page, new Set(stems(text))]);
Search.performTermsSearch = (words, excluded) => {
  const { docnames, titles, filenames } = Search._index;
  const own = new Map(docnames.map((page, at) => [page, new Set(stems(titles[at]))]));
  const pages = new Map();
  for (const word of words) {
    const hits = new Map(findPages(new Set([word]), excluded).map(([page, , , , score]) => [page, score]));
    for (const [page, stems] of named) if (stems.has(word)) hits.set(page, Scorer.title);
    const rarity = Math.log(1 + docnames.length / hits.size);
    for (const [page, score] of hits) {
      const weight = own.get(page).has(word) ? 1.3 : 1; // a page's own title, not one of its sections'
      pages.set(page, [...(pages.get(page) || []), score * rarity * weight]);
    }
  }
  return [...pages].filter(([, scores]) => scores.length >= words.size / 2).map(([page, scores]) => {
    const task = /^(chapters|howto)\//.test(page) ? 1.5 : 1;
    const score = (task * scores.reduce((sum, each) => sum + each) * scores.length) / words.size;
    const at = docnames.indexOf(page);
    return [page, titles[at], "", null, score, filenames[at], SearchResultKind.text];
  });
};
