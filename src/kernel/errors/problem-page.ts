// The HTML page of a problem, for browsers. Self-contained: no script, no external resources, and
// styles that the page's content security policy allows by hash.
import { escaped, prose, styleSource, withCode } from './html.ts';

export interface PageContent {
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  /** What to do, in the Markdown of the error table. */
  readonly remedy: string;
  /** The URL that documents the code; undefined if there is none. */
  readonly link: string | undefined;
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
export const pageStyles: string = styleSource(styles);

export function problemPage({ title, status, detail, code, remedy, link, requestId }: PageContent): string {
  const request = requestId === undefined ? '' : ` · request <code>${escaped(requestId)}</code>`;
  const name = `<code>${escaped(code)}</code>`;
  const linked = link === undefined ? name : `<a href="${escaped(link)}">${name}</a>`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title>
<style>${styles}</style>
<main>
<p><small>Portal Gateway · ${status}</small></p>
<h1>${escaped(title)}</h1>
<p>${withCode(detail)}</p>
<p><b>What to do.</b> ${prose(remedy)}</p>
<p><small>Code ${linked}${request}</small></p>
</main>
</html>
`;
}
