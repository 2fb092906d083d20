"""The look of the HTML pages: readable on a phone, in light and in dark."""

STYLE = """
:root {
  color-scheme: light dark;
  --back: #fbfbfa; --card: #ffffff; --text: #1b1d22; --faint: #5d626d; --line: #dfe0e4;
  --good: #176b3a; --good-back: #e2f3e8; --first: #1d5fd1; --second: #c25400; --third: #5d626d;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #121317; --card: #1b1d23; --text: #ececef; --faint: #a2a6b1; --line: #32353e;
    --good: #8ddcaa; --good-back: #173824; --first: #82b1ff; --second: #ffa04d; --third: #a2a6b1;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--back); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
main { max-width: 1120px; margin: 0 auto; padding: 24px 16px 64px; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 8px 0; }
h2 { font-size: 1.2rem; margin: 0 0 12px; }
header p { max-width: 72ch; margin: 0; color: var(--faint); }
section { margin-top: 36px; }
table { width: 100%; border-collapse: collapse; background: var(--card); border: 1px solid var(--line); }
th, td { padding: 10px 14px; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
tbody tr:last-child > * { border-bottom: 0; }
thead th { font-size: .85rem; color: var(--faint); font-weight: 600; }
tbody th { font-weight: 600; }
.unit { font-weight: 400; color: var(--faint); white-space: nowrap; }
.protocol { display: block; font-weight: 400; font-size: .85rem; color: var(--faint); }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.value { font-weight: 700; font-size: 1.1rem; }
.best {
  display: block; width: fit-content; margin-left: auto; padding: 0 8px; border-radius: 9px;
  font-size: .75rem; font-weight: 600; color: var(--good); background: var(--good-back);
  border: 1px solid var(--good);
}
ul { list-style: none; margin: 0; padding: 0; }
li { display: flex; justify-content: space-between; gap: 16px; }
.row { display: grid; gap: 14px; margin-bottom: 14px; }
figure { margin: 0; min-width: 0; }
figure img { display: block; width: 100%; height: auto; border-radius: 4px; background: var(--line); }
figcaption { margin-top: 4px; font-size: .9rem; color: var(--faint); }
@media (min-width: 700px) {
  .across-2 { grid-template-columns: repeat(2, 1fr); }
  .across-3 { grid-template-columns: repeat(3, 1fr); }
  .across-4 { grid-template-columns: repeat(4, 1fr); }
}
.path svg {
  display: block; width: 100%; max-height: 560px; background: var(--card);
  border: 1px solid var(--line); border-radius: 4px;
}
.path polyline { fill: none; stroke-width: 3; stroke-linejoin: round; vector-effect: non-scaling-stroke; }
.path text { fill: var(--text); font-size: 18px; }
.path .key { dominant-baseline: central; }
.path .bar { stroke: var(--text); stroke-width: 2; }
.path .line-0 { stroke: var(--first); }
.path .line-1 { stroke: var(--second); stroke-dasharray: 9 6; }
.path .line-2 { stroke: var(--third); stroke-dasharray: 2 6; }
dl {
  display: grid; grid-template-columns: fit-content(40%) minmax(0, 1fr); gap: 4px 20px; margin: 0;
  padding: 12px 14px; background: var(--card); border: 1px solid var(--line);
}
dt { color: var(--faint); overflow-wrap: anywhere; }
dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
@media (max-width: 560px) {
  .path text { font-size: 42px; }
  th, td { padding: 8px; }
  .unit { white-space: normal; }
  table, thead, tbody, tr, th, td { display: block; border-bottom: 0; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tbody tr { padding: 6px 4px; border-bottom: 1px solid var(--line); }
  td.value { display: flex; align-items: center; gap: 10px; text-align: left; padding-top: 0; }
  td.value::before { content: "Triptych"; font-size: 1rem; font-weight: 400; }
  .best { margin-left: 0; }
  td:empty { display: none; }
}
"""
"""Style sheet. Lines of a plot differ in dashes as well as in color."""
