//! How the page looks: light and dark by the reader's preference, narrow and wide, printable. No fonts, no scripts, nothing fetched.

/// The style sheet.
pub const STYLE: &str = r#"
:root { color-scheme: light dark;
  --ground: #f6f7f9; --card: #ffffff; --ink: #1c2330; --soft: #5b6675; --line: #dde2e9; --inset: #f1f3f6;
  --good: #1a7f4b; --good-ground: #e2f4ea; --bad: #b3261e; --bad-ground: #fbe6e4;
  --warn: #8a5a00; --warn-ground: #fcf0d4; --note: #2a5f9e; --note-ground: #e4eefa; }
@media (prefers-color-scheme: dark) { :root {
  --ground: #12161c; --card: #1a2029; --ink: #e4e8ee; --soft: #98a3b3; --line: #2d3643; --inset: #212935;
  --good: #6fd39c; --good-ground: #173527; --bad: #ff9a92; --bad-ground: #44201f;
  --warn: #f0c060; --warn-ground: #3d3015; --note: #8fbdf2; --note-ground: #1c3049; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 1.5rem 1.25rem 4rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .3rem; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 2.2rem 0 .7rem; }
h3 { font-size: .95rem; margin: 0 0 .4rem; overflow-wrap: anywhere; }
code, .hash { font: .86em/1.45 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.hash, .path, td, dd { overflow-wrap: anywhere; }
.soft { color: var(--soft); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .7rem; padding: 1rem 1.15rem; margin: 0 0 .8rem; }
.head { border-top: .35rem solid var(--line); }
.head.passed { border-top-color: var(--good); } .head.failed { border-top-color: var(--bad); }
.head.incomplete { border-top-color: var(--warn); }
.pill { display: inline-block; border-radius: 1rem; padding: .05rem .65rem; font-size: .82rem; font-weight: 600;
  white-space: nowrap; background: var(--inset); color: var(--soft); }
.pill.passed, .pill.ok { background: var(--good-ground); color: var(--good); }
.pill.failed, .pill.error { background: var(--bad-ground); color: var(--bad); }
.pill.incomplete, .pill.warning { background: var(--warn-ground); color: var(--warn); }
.pill.info { background: var(--note-ground); color: var(--note); }
.pills { display: flex; flex-wrap: wrap; gap: .4rem; margin-top: .7rem; }
.banner { background: var(--warn-ground); color: var(--warn); border-radius: .5rem; padding: .5rem .8rem; margin: 0 0 .8rem; font-weight: 600; }
.note { color: var(--soft); margin: 0 0 .8rem; } .skipped { margin: .6rem 0 0; font-size: .9rem; } .skipped + .skipped { margin-top: .1rem; }
nav div { margin: .15rem 0; overflow-wrap: anywhere; } a { color: var(--note); }
.finding { border-left: .3rem solid var(--note); }
.finding.error { border-left-color: var(--bad); } .finding.warning { border-left-color: var(--warn); }
.finding .title { font-weight: 600; margin: 0 0 .45rem; }
dl { display: grid; grid-template-columns: 5.5rem minmax(0, 1fr); gap: .15rem .8rem; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; }
.tree, .tree ul { list-style: none; margin: 0; padding: 0; }
.tree ul { margin-left: .55rem; padding-left: 1.1rem; border-left: 2px solid var(--line); }
.tree li { margin: .55rem 0; }
.node { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .7rem .95rem; }
.node > summary, details > summary { cursor: pointer; }
.node .name { font-weight: 600; overflow-wrap: anywhere; }
.at, .node .at { color: var(--soft); font-size: .85rem; overflow-wrap: anywhere; }
.node .finding, .inset.finding { background: var(--inset); margin: .6rem 0 0; padding: .6rem .8rem; border-radius: .4rem; }
.slices { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 21rem), 1fr)); gap: .5rem; margin: .6rem 0 0; }
.slice { background: var(--inset); border-radius: .45rem; padding: .5rem .75rem; }
.slice .arch { font-weight: 600; margin-right: .4rem; }
.chain { display: flex; flex-wrap: wrap; align-items: stretch; gap: .4rem; margin: .5rem 0 0; padding: 0; list-style: none; }
.chain li { flex: 1 1 13rem; background: var(--inset); border-radius: .45rem; padding: .55rem .75rem; position: relative; min-width: 0; overflow-wrap: anywhere; }
.chain li + li { margin-left: 1rem; }
.chain li + li::before { content: "\2190"; position: absolute; left: -1.25rem; top: 50%; transform: translateY(-50%); color: var(--soft); }
.chain .root { outline: 2px solid var(--good); } .chain .doubtful { outline: 2px dashed var(--warn); } .chain .broken { outline: 2px solid var(--bad); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .38rem .7rem .38rem 0; border-top: 1px solid var(--line); }
tr:first-child > th { border-top: 0; } th { color: var(--soft); font-weight: 500; }
.checks td:first-child { width: 7rem; white-space: nowrap; }
.grants td { width: 33%; }
footer { color: var(--soft); font-size: .85rem; margin-top: 2.5rem; }
@media (max-width: 40rem) {
  main { padding: 1rem .8rem 3rem; } .card { padding: .85rem .9rem; }
  dl { grid-template-columns: minmax(0, 1fr); gap: 0; } dd { margin: 0 0 .4rem; }
  .tree ul { margin-left: .2rem; padding-left: .6rem; }
  .chain { flex-direction: column; } .chain li { flex: none; }
  .chain li + li { margin-left: 0; margin-top: 1rem; }
  .chain li + li::before { content: "\2191"; left: 50%; top: -1.3rem; transform: translateX(-50%); }
  .grants, .grants tbody, .grants tr, .grants td, .checks, .checks tbody, .checks tr, .checks td { display: block; width: auto; }
  .grants tr, .checks tr { border-top: 1px solid var(--line); padding: .4rem 0; }
  .grants th { display: none; } .grants td, .checks td, .checks td:first-child { border: 0; padding: .1rem 0; width: auto; }
  .grants td[data-of]::before { content: attr(data-of) ": "; color: var(--soft); }
}
@media print { body { background: #fff; } .card, .node { break-inside: avoid; } }
"#;
