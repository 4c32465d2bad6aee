// Pages whose title holds the words that are sought come first. `var`, since searchtools.js declares it so as well.
const sought = (new URLSearchParams(window.location.search).get("q") || "").toLowerCase().split(/\W+/).filter((word) => word.length > 2);
var Scorer = {
  score: ([, title, , , score]) => score + 10 * sought.filter((word) => title.toLowerCase().includes(word)).length,
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
