// The page that the `type` of a problem links to: every error code with its status, when it occurs
// and what to do. Generated from the error table, like docs/errors.md.
import { type ErrorCode, errorTable } from '../../kernel/errors/error-table.ts';
import { escaped, prose, styleSource } from '../../kernel/errors/html.ts';
import { contentPolicy, wholeResponse, type WholeResponse } from '../../kernel/http/whole-response.ts';

const styles = `
:root { color-scheme: light dark; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 44rem; margin: 0 auto; padding: 2rem; }
h1 { font-size: 1.5rem; font-weight: 600; }
h2 { margin: 0; font-size: 1.1rem; font-weight: 600; }
section { margin: 2rem 0; padding: .5rem; }
section:target { outline: 2px solid; }
p { margin: .5rem 0; }
small { opacity: .7; }
code { font: .875em ui-monospace, monospace; overflow-wrap: anywhere; }
`;

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Errors of Portal Gateway</title>
<style>${styles}</style>
<main>
<h1>Errors of Portal Gateway</h1>
<p>Each error response of the gateway, or of <code>expose</code> next to an app, carries one of these codes.</p>
${codesByStatus().map(section).join('')}</main>
</html>
`;

export function errorsPage(): WholeResponse {
  return wholeResponse(200, 'text/html; charset=utf-8', Buffer.from(page), contentPolicy(styleSource(styles)));
}

function codesByStatus(): ErrorCode[] {
  const codes = Object.keys(errorTable) as ErrorCode[];
  return codes.sort((one, other) => errorTable[one].status - errorTable[other].status);
}

function section(code: ErrorCode): string {
  const { status, title, source, when, remedy } = errorTable[code];
  const from = source === undefined ? '' : ` · from ${source}`;
  return `<section id="${code}">
<h2>${escaped(title)}</h2>
<p><small>${status} · <code>${code}</code>${from}</small></p>
<p>${prose(when)}</p>
<p>What to do: ${prose(remedy)}</p>
</section>
`;
}
