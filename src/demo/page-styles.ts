// Styles of the demo page: light and dark, narrow and wide, without external resources.

export const styles = `
:root { color-scheme: light dark; --ink: #1b2330; --soft: #5b6675; --line: #dbe1e8; --ground: #f6f8fa; --card: #fff; --accent: #0b6e5f; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e7ecf2; --soft: #9aa7b6; --line: #2b3541; --ground: #10151b; --card: #171e26; --accent: #4fd1b8; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { margin: 0; font-size: clamp(1.6rem, 4vw, 2.3rem); letter-spacing: -0.02em; line-height: 1.15; }
header p { margin: 0.6rem 0 0; max-width: 42rem; color: var(--soft); }
h2 { margin: 0 0 0.75rem; font-size: 1rem; }
section { margin-top: 1.25rem; padding: 1.1rem 1.25rem; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
code, dd, td, .path span { font-family: ui-monospace, monospace; font-size: 0.86rem; overflow-wrap: anywhere; }
a { color: var(--accent); }
.path { display: flex; flex-wrap: wrap; gap: 0.75rem; margin: 1.75rem 0 0; padding: 0; list-style: none; }
.path li { position: relative; flex: 1 1 9rem; min-width: 0; padding: 0.8rem 0.9rem; background: var(--card); border: 1px solid var(--line); border-top: 3px solid var(--accent); border-radius: 10px; }
.path strong, .path span, .path em { display: block; }
.path span { color: var(--soft); font-size: 0.75rem; }
.path em { margin-top: 0.35rem; font-size: 0.78rem; color: var(--accent); font-style: normal; }
.path em::after { content: ' \\2192'; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.3rem 1.25rem; margin: 0; }
dt { color: var(--soft); }
dd { margin: 0; }
section p { margin: 0; color: var(--soft); }
section p code { color: var(--ink); }
.try { margin: 0; padding: 0; list-style: none; }
.try li { padding: 0.15rem 0; color: var(--soft); }
table { width: 100%; border-collapse: collapse; }
th, td { padding: 0.3rem 0; border-top: 1px solid var(--line); text-align: left; vertical-align: top; }
tr:first-child > * { border-top: 0; }
th { width: 14rem; padding-right: 1rem; color: var(--soft); font-weight: 500; overflow-wrap: anywhere; }
@media (max-width: 34rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: 0.5rem; } th, td { display: block; width: auto; } td { border-top: 0; padding-top: 0; } }
`;
