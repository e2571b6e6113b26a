// The page's style sheet, in one piece: its hash stands in the page's policy. Colours of text have a contrast of 4.5 to 1 or more.

export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: light-dark(#f6f7f9, #0e1116);
  --card: light-dark(#ffffff, #161b22);
  --line: light-dark(#e1e5ea, #2a313b);
  --soft: light-dark(#eef1f4, #1f2630);
  --text: light-dark(#161b22, #e8ecf1);
  --quiet: light-dark(#56616e, #9ba7b5);
  --link: light-dark(#0b5cad, #7db8ff);
  --broken: light-dark(#b3261e, #ff8f86);
  --unknown: light-dark(#845400, #f0bd57);
  --waiting: light-dark(#4a5f78, #9db4cf);
  --held: light-dark(#17703f, #63d394);
  --broken-soft: light-dark(#fdeceb, #33191b);
  --unknown-soft: light-dark(#fdf3dd, #2e2513);
  --waiting-soft: light-dark(#eaeff5, #1e2733);
  --held-soft: light-dark(#e6f4ec, #132a1d);
  --b1: light-dark(#fbd5d1, #4d2423);
  --b2: light-dark(#f3a49c, #7d302c);
  --b3: light-dark(#c8372d, #b53a33);
  --b4: light-dark(#9c1c15, #ff9d95);
  --b12-text: light-dark(#4f0f0b, #ffdcd9);
  --b3-text: #ffffff;
  --b4-text: light-dark(#ffffff, #380805);
  --on-sign: light-dark(#ffffff, #10151b);
  --mono: ui-monospace, 'SF Mono', 'Cascadia Code', Menlo, Consolas, 'DejaVu Sans Mono', monospace;
}
:root[data-theme='light'] { color-scheme: light; }
:root[data-theme='dark'] { color-scheme: dark; }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif; }
.page { max-width: 1180px; margin: 0 auto; padding: 0 24px 48px; }
h1, h2, h3, p, dl, dd, ul { margin: 0; padding: 0; }
ul { list-style: none; }
h2 { font-size: 17px; line-height: 1.3; font-weight: 650; letter-spacing: -.01em; }
h3 { font-size: 13px; font-weight: 650; }
code { font-family: var(--mono); font-size: .87em; overflow-wrap: anywhere; }
.num { font-variant-numeric: tabular-nums; }
.nowrap { white-space: nowrap; }
.vh { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: -9999px; }
.skip:focus { left: 12px; top: 12px; z-index: 9; padding: 8px 12px; background: var(--card); color: var(--link); border-radius: 8px; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
main:focus { outline: none; }
[hidden] { display: none !important; }
section { margin-top: 32px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 20px; }
.head { display: flex; flex-wrap: wrap; align-items: baseline; gap: 4px 12px; margin-bottom: 10px; }
.aside, .left, .hint, .note, .source { color: var(--quiet); font-size: 13px; }
.left { margin: 8px 0; }
button { font: inherit; font-size: 13px; color: var(--text); background: var(--card); border: 1px solid var(--line); border-radius: 999px; padding: 4px 14px; cursor: pointer; }
button:hover { border-color: var(--quiet); }

.bar-row { display: flex; justify-content: space-between; align-items: center; padding: 18px 0 10px; }
.brand { font-weight: 700; letter-spacing: -.01em; }
.verdict { display: flex; align-items: center; gap: 20px; padding: 14px 0 22px; }
.badge { width: 60px; height: 60px; flex: none; }
.badge path { fill: none; stroke: var(--on-sign); stroke-width: 4; stroke-linecap: round; stroke-linejoin: round; }
h1 { font-size: 38px; line-height: 1.1; font-weight: 720; letter-spacing: -.025em; }
.pill { display: inline-block; margin-left: 12px; padding: 3px 12px; border: 1px solid var(--line); border-radius: 999px; background: var(--card); color: var(--text); font-size: 14px; font-weight: 500; letter-spacing: 0; vertical-align: 7px; }
.headline { margin-top: 4px; font-size: 17px; color: var(--quiet); }
.clean h1 { color: var(--held); } .clean .badge circle { fill: var(--held); }
.broken h1 { color: var(--broken); } .broken .badge circle { fill: var(--broken); }
.incomplete h1 { color: var(--unknown); } .incomplete .badge circle { fill: var(--unknown); }
.facts { display: flex; flex-wrap: wrap; gap: 12px 28px; padding: 14px 0 0; border-top: 1px solid var(--line); }
.facts dt { color: var(--quiet); font-size: 12px; }
.facts dd { font-size: 14px; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }

.counts { margin-top: 24px; }
.counts dl { display: grid; grid-template-columns: repeat(4, 1fr); gap: 16px; }
.counts dt { color: var(--quiet); font-size: 13px; }
.counts b { font-size: 30px; line-height: 1.2; font-weight: 680; letter-spacing: -.02em; margin-right: 4px; }
.counts dd span { color: var(--quiet); font-size: 13px; }
.counts div.broken b { color: var(--broken); } .counts div.unknown b { color: var(--unknown); } .counts div.held b { color: var(--held); }
.parts { display: block; width: 100%; height: 8px; margin: 16px 0 10px; border-radius: 4px; }
.key { display: flex; flex-wrap: wrap; align-items: center; gap: 2px 6px; font-size: 13px; color: var(--quiet); font-variant-numeric: tabular-nums; }
.dot { width: 9px; height: 9px; border-radius: 50%; margin-left: 10px; }
.dot:first-child { margin-left: 0; }
.dot.broken, .fill.broken { background: var(--broken); fill: var(--broken); }
.dot.unknown, .fill.unknown { background: var(--unknown); fill: var(--unknown); }
.dot.waiting, .fill.waiting { background: var(--waiting); fill: var(--waiting); }
.dot.held, .fill.held { background: var(--held); fill: var(--held); }
.fill.plain { fill: var(--waiting); }
.track { fill: var(--soft); }
.note h2 { color: var(--text); }
.note.card { color: var(--text); font-size: 14px; padding: 16px 20px; }
.note.problems { border-left: 4px solid var(--broken); }
.note.warnings { border-left: 4px solid var(--unknown); }
.plain li { margin-top: 8px; overflow-wrap: anywhere; }
.hint { display: block; }

.sign { width: 18px; height: 18px; flex: none; vertical-align: -4px; }
.sign circle { fill: currentColor; }
.sign path { fill: none; stroke: var(--on-sign); stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; }
.sign.broken { color: var(--broken); } .sign.unknown { color: var(--unknown); }
.sign.waiting { color: var(--waiting); } .sign.held { color: var(--held); }

.scroll { overflow-x: auto; position: relative; }
table { border-collapse: collapse; font-size: 14px; }
.heat-card { padding-left: 0; }
.heat { border-collapse: separate; border-spacing: 3px; }
.heat th { font-weight: 500; text-align: left; font-size: 13px; }
.heat thead th { vertical-align: bottom; padding: 0 0 6px; }
.heat thead .sum { text-align: right; padding-left: 12px; color: var(--quiet); }
.turned { display: block; writing-mode: vertical-rl; transform: rotate(180deg); margin: 0 auto; max-height: 150px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; line-height: 1.5; color: var(--quiet); }
.heat tbody th { position: sticky; left: 0; padding: 0 14px 0 17px; background: var(--card); white-space: nowrap; z-index: 1; }
.heat tbody th .sign { margin-right: 8px; }
.heat .name { display: inline-block; max-width: 330px; overflow: hidden; text-overflow: ellipsis; vertical-align: middle; }
.heat td { padding: 0; }
.heat td.sum { text-align: right; padding-left: 12px; font-weight: 600; font-size: 13px; }
.cell { display: inline-flex; align-items: center; justify-content: center; min-width: 34px; height: 28px; padding: 0 4px; border-radius: 5px; font-size: 12px; font-weight: 600; font-variant-numeric: tabular-nums; }
.cell.held { background: var(--held-soft); color: var(--held); }
.cell.unknown { background: var(--unknown-soft); color: var(--unknown); border: 1px dashed currentColor; }
.cell.waiting { background: var(--waiting-soft); color: var(--waiting); }
.cell.b1 { background: var(--b1); color: var(--b12-text); } .cell.b2 { background: var(--b2); color: var(--b12-text); }
.cell.b3 { background: var(--b3); color: var(--b3-text); } .cell.b4 { background: var(--b4); color: var(--b4-text); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; margin-top: 10px; color: var(--quiet); font-size: 13px; }
.legend > span { display: flex; align-items: center; gap: 6px; }
.legend .cell { min-width: 26px; height: 20px; font-size: 11px; }

.filter { display: flex; flex-wrap: wrap; gap: 10px; margin-bottom: 12px; }
.search { position: relative; flex: 1 1 260px; }
.search input { width: 100%; height: 38px; font: inherit; font-size: 14px; color: var(--text); background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 0 36px 0 14px; }
.search input::placeholder { color: var(--quiet); opacity: 1; }
.search kbd { position: absolute; right: 10px; top: 8px; font: 12px var(--mono); color: var(--quiet); background: var(--soft); border-radius: 5px; padding: 2px 7px; }
.search input:focus + kbd { display: none; }
fieldset { display: flex; flex-wrap: wrap; gap: 2px; margin: 0; padding: 3px; border: 1px solid var(--line); border-radius: 10px; background: var(--card); min-width: 0; }
fieldset label { position: relative; }
fieldset input { position: absolute; inset: 0; opacity: 0; margin: 0; cursor: pointer; }
fieldset span { display: block; padding: 4px 12px; border-radius: 7px; font-size: 13px; color: var(--quiet); }
fieldset b { font-weight: 600; margin-left: 3px; }
fieldset input:checked + span { background: var(--text); color: var(--card); }
fieldset input:focus-visible + span { outline: 2px solid var(--link); outline-offset: 1px; }

.fold { background: var(--card); border: 1px solid var(--line); border-radius: 10px; margin-bottom: 6px; }
.fold[open] { margin-bottom: 12px; }
.fold.broken { border-left: 4px solid var(--broken); } .fold.unknown { border-left: 4px solid var(--unknown); }
.fold.waiting { border-left: 4px solid var(--waiting); } .fold.held { border-left: 4px solid var(--held); }
.fold > summary { display: grid; grid-template-columns: 18px minmax(0, 1.3fr) minmax(0, 1fr) 220px 10px; align-items: center; gap: 4px 12px; padding: 11px 16px; cursor: pointer; border-radius: 10px; list-style: none; }
.fold > summary::-webkit-details-marker { display: none; }
.fold > summary::after { content: ''; width: 7px; height: 7px; border: solid var(--quiet); border-width: 0 1.5px 1.5px 0; transform: rotate(-45deg); }
.fold[open] > summary::after { transform: rotate(45deg); }
.fold > summary:hover { background: var(--soft); }
.fold > summary h3 { font: 600 14px/1.4 var(--mono); letter-spacing: -.01em; overflow-wrap: anywhere; }
.result { font-size: 14px; color: var(--quiet); font-variant-numeric: tabular-nums; }
.broken > summary .result { color: var(--broken); font-weight: 600; } .unknown > summary .result { color: var(--unknown); font-weight: 600; }
.tags { display: flex; flex-wrap: wrap; gap: 4px 6px; justify-content: flex-end; }
.tag { font-size: 12px; color: var(--quiet); background: var(--soft); border-radius: 6px; padding: 1px 8px; white-space: nowrap; }
.body { padding: 4px 16px 14px 46px; }
.why { max-width: 72ch; margin-bottom: 10px; overflow-wrap: anywhere; white-space: pre-line; }
.remedy { max-width: 80ch; margin-bottom: 10px; padding: 8px 12px; background: var(--soft); border-radius: 8px; font-size: 14px; overflow-wrap: anywhere; }
.remedy b { margin-right: 6px; }
.source { margin-top: 8px; }
.lines { width: 100%; }
.body .lines { table-layout: fixed; min-width: 620px; }
.body .lines .violations { width: 106px; } .body .lines .how { width: 150px; } .body .lines .time { width: 84px; } .body .lines .table { width: 30%; } .body .lines .target { width: 14%; }
.lines th, .lines td { text-align: left; vertical-align: top; padding: 6px 16px 6px 0; border-top: 1px solid var(--line); }
.lines thead th { border-top: 0; font-size: 12px; font-weight: 500; color: var(--quiet); white-space: nowrap; }
.lines tbody th { font-weight: 500; overflow-wrap: anywhere; min-width: 110px; }
.lines tbody td { overflow-wrap: anywhere; }
.grid tbody th, .grid tbody td { overflow-wrap: break-word; max-width: 44ch; }
.lines .num { text-align: right; white-space: nowrap; }
.lines td:last-child, .lines th:last-child { padding-right: 0; }
.lines tr.broken > .num:nth-of-type(1) { color: var(--broken); font-weight: 600; }
.keys { display: flex; flex-wrap: wrap; gap: 4px; margin-top: 4px; }
.keys code { background: var(--soft); border-radius: 5px; padding: 1px 7px; }
.more { margin-top: 4px; }
.more > summary { width: fit-content; list-style: disclosure-closed inside; padding: 4px 0; font-size: 13px; color: var(--quiet); cursor: pointer; }
.more[open] > summary { list-style-type: disclosure-open; }
.more > summary:hover { color: var(--text); }
.none { padding: 24px; text-align: center; color: var(--quiet); }

.figures { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 16px; margin-top: 32px; align-items: start; }
.figures section { margin: 0; }
.figures h3 { margin-top: 16px; }
.bars { margin-top: 12px; }
.bars li { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 2px 12px; margin-top: 10px; font-size: 14px; }
.bars .label { overflow-wrap: anywhere; }
.bars .note { overflow-wrap: anywhere; }
.chart svg { display: block; width: 100%; height: 220px; }
.chart .scale { display: flex; justify-content: space-between; color: var(--quiet); font-size: 13px; font-variant-numeric: tabular-nums; margin: 4px 0; }
.chart .under { fill: var(--held-soft); }
.chart .line { fill: none; stroke: var(--held); stroke-width: 2; vector-effect: non-scaling-stroke; }
.chart .mark { stroke: var(--unknown); stroke-width: 1.5; stroke-dasharray: 4 3; vector-effect: non-scaling-stroke; }
.bar { grid-column: 1 / -1; display: block; width: 100%; height: 6px; border-radius: 3px; }
footer { margin-top: 32px; padding-top: 16px; border-top: 1px solid var(--line); color: var(--quiet); font-size: 13px; overflow-wrap: anywhere; }

@media (max-width: 900px) { .figures { grid-template-columns: 1fr; } }
@media (max-width: 760px) {
  .page { padding: 0 14px 32px; }
  section { margin-top: 26px; }
  .card { padding: 14px; }
  .verdict { gap: 14px; padding: 6px 0 16px; }
  .badge { width: 44px; height: 44px; }
  h1 { font-size: 29px; }
  .pill { margin-left: 8px; padding: 1px 10px; font-size: 13px; vertical-align: 5px; }
  .headline { font-size: 15px; }
  .facts { gap: 8px 20px; }
  .counts dl { grid-template-columns: 1fr 1fr; gap: 12px; }
  .counts b { font-size: 25px; }
  .heat-card { padding-left: 0; }
  .heat tbody th { padding: 2px 8px 2px 11px; }
  .heat .name { width: 136px; white-space: normal; overflow-wrap: anywhere; font-size: 12px; line-height: 1.25; }
  .heat tbody th .sign { margin-right: 5px; }
  .fold > summary { grid-template-columns: 18px minmax(0, 1fr) 10px; padding: 10px 12px; }
  .fold > summary::after { grid-column: 3; grid-row: 1; }
  .tags { justify-content: flex-start; }
  .body .lines, .body .lines tbody { display: block; min-width: 0; }
  .body .lines thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .body .lines tr { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 2px 12px; padding: 8px 0; border-top: 1px solid var(--line); }
  .body .lines tbody th, .body .lines td { padding: 0; border: 0; }
  .body .lines .of, .body .lines .finding { grid-column: 1 / -1; }
  .body .lines td.how, .body .lines td.time { width: auto; color: var(--quiet); font-size: 12px; }
  .fold > summary .result, .fold > summary .tags { grid-column: 2; }
  .body { padding: 2px 12px 12px; }
}
@media print {
  :root { color-scheme: light; }
  body { background: #fff; font-size: 12px; }
  .page { max-width: none; padding: 0; }
  .filter, #theme, .skip { display: none !important; }
  .scroll { overflow: visible; }
  .card, .fold { break-inside: auto; box-shadow: none; }
  summary, tr { break-inside: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
