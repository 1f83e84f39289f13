// The HTML page of a problem, for browsers. Self-contained: no script, nothing loaded, and styles that the page's content security
// policy allows by their hash.
import { hash } from 'node:crypto';

export interface PageContent {
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  /** The URL that documents the code. */
  readonly type: string;
  /** Undefined: the request has no id. */
  readonly requestId: string | undefined;
}

const styles = `
:root { color-scheme: light dark; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 34rem; padding: 2rem; }
h1 { margin: 0; font-size: 1.5rem; font-weight: 600; }
p { margin: .75rem 0; }
small { opacity: .7; }
code { font: .875em ui-monospace, monospace; overflow-wrap: anywhere; }
`;

/** The source list for `style-src`. */
export const pageStyles: string = "'sha256-".concat(hash('sha256', styles, 'base64'), "'");

export function problemPage({ title, status, detail, code, type, requestId }: PageContent): string {
  const request = requestId === undefined ? '' : ` · request <code>${escaped(requestId)}</code>`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title>
<style>${styles}</style>
<main>
<p><small>Portal Gateway · ${status}</small></p>
<h1>${escaped(title)}</h1>
<p>${escaped(detail)}</p>
<p><small>Code <a href="${escaped(type)}"><code>${escaped(code)}</code></a>${request}</small></p>
</main>
</html>
`;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '');
}
