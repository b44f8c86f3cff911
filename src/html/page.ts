// What all HTML reports have in common: a self-contained document that loads nothing, its colours for light
// and dark, and text made safe.

export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

/** Colours by what they mean, type, tables, drawings. */
const BASE_STYLE = `
:root { color-scheme: light dark;
  --ink: #1d232a; --soft: #5c6670; --line: #d9dee3; --paper: #ffffff; --shade: #f3f5f7;
  --a: #3b76c4; --b: #d98b2b; --c: #b3374a; --ok: #3f8f6b; --mem: #d9b23c; --lost: #b3374a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7ea; --soft: #9aa4ae; --line: #39424b;
  --paper: #15191d; --shade: #1e2429; --a: #6fa3e6; --b: #e6a857; --c: #e0697b; --ok: #62b48f;
  --mem: #d9bf62; --lost: #e0697b; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 0.2rem; }
p { color: var(--soft); margin: 0.3rem 0 0.8rem; max-width: 50rem; }
svg { width: 100%; height: auto; font: 12px system-ui, sans-serif; }
.legend span { margin-right: 1.2rem; white-space: nowrap; }
.swatch { display: inline-block; width: 0.8em; height: 0.8em; border-radius: 2px; margin-right: 0.4em; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: 13px; white-space: nowrap; }
code { font-size: 0.9em; }
`;

/** A whole document. `style`: what this kind of report has beyond the common one. */
export function htmlPage(title: string, style: string, body: readonly string[]): string {
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escapeHtml(title)}</title><style>${BASE_STYLE}${style}</style></head><body>`,
    ...body,
    '</body></html>\n',
  ].join('\n');
}

/** Which colour means what. */
export function legend(entries: readonly (readonly [kind: string, label: string])[]): string {
  const items = entries.map(
    ([kind, text]) => `<span><i class="swatch ${kind}"></i>${escapeHtml(text)}</span>`,
  );
  return `<p class="legend">${items.join('')}</p>`;
}
