// How the search page scores a hit; search.js says how pages are found. `var`, since searchtools.js declares it so as well.
var Scorer = {
  objNameMatch: 40,
  objPartialMatch: 12,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 4,
  partialTerm: 2,
};
