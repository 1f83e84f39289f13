// Renders the demo page: who called and over which path, as far as the request shows. All values
// come from outside and are escaped.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { styles } from './page-styles.ts';

/** Facts about the path that the request does not contain. */
export interface PathFacts {
  readonly gatewayId?: string;
  readonly relay?: string;
  readonly leaseId?: string;
}

interface Hop {
  readonly name: string;
  readonly detail: string;
  readonly link?: string;
}

const neverShown = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'x-api-key',
  'x-gateway-key',
  'x-gateway-assertion',
]);

export function page(request: IncomingMessage, response: ServerResponse, facts: PathFacts): void {
  const body = Buffer.from(render(request, facts));
  response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', 'Content-Length': body.length });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function render(request: IncomingMessage, facts: PathFacts): string {
  const first = (name: string): string | undefined => request.headersDistinct[name]?.join(', ');
  const requestId = first('x-request-id');
  // Below a prefix, the page may be requested without its trailing slash.
  const base = /^\/[\w%.~-][\w%.~/-]*$/.exec(first('x-forwarded-prefix') ?? '')?.[0] ?? '';
  const through = requestId !== undefined;
  const caller: readonly (readonly [string, string | undefined])[] = [
    ['Key', first('x-gateway-key-id')],
    ['Subject', first('x-gateway-subject')],
    ['Tenant', first('x-gateway-tenant')],
    ['Scopes', first('x-gateway-scopes')],
    ['Address', first('x-forwarded-for')],
    ['Request', requestId],
    ['Requested URL', askedFor(first)],
    ['Via', first('via')],
  ];
  const hops: readonly Hop[] = [
    { name: 'You', detail: first('x-forwarded-for') ?? 'this machine', link: 'HTTP' },
    ...(through
      ? [
          {
            name: 'Gateway',
            detail: facts.gatewayId ?? first('x-forwarded-host') ?? '',
            link: 'WebSocket, encrypted end to end',
          },
          { name: 'Relay', detail: facts.relay ?? '', link: 'sees ciphertext only' },
          { name: 'expose', detail: facts.leaseId ?? '', link: 'plain HTTP on this machine' },
        ]
      : []),
    { name: 'Demo app', detail: first('host') ?? '' },
  ];
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Portal Gateway demo</title>
<style>${styles}</style>
<main>
<header>
<h1>${through ? 'You came through the tunnel.' : 'You came straight to the app.'}</h1>
<p>${
    through
      ? 'This page was served by the demo app behind the gateway. The gateway verified who you are; the relay in between could not read the request.'
      : 'This request did not pass through a gateway: it has no request id.'
  }</p>
</header>
<ol class="path" aria-label="The path of this request">${hops.map(hopItem).join('')}</ol>
<section><h2>Who called</h2><dl>${caller.map(([name, value]) => row(name, value)).join('')}</dl></section>
<section><h2>Try</h2><ul class="try">${tries.map(([path, what]) => `<li><a href="${base}/${path}"><code>/${path}</code></a> ${what}</li>`).join('')}</ul></section>
<section><h2>Your own app</h2><p>Stop this with Ctrl-C, and name the port of your app: <code>portal-gateway dev 3000 --name my-app</code></p></section>
<section><h2>Every header field that arrived</h2><table>${headerRows(request.rawHeaders)}</table></section>
</main>
</html>
`;
}

const tries: readonly (readonly [string, string])[] = [
  ['echo', 'your request, as the app got it'],
  ['sse?count=50', 'an event stream'],
  ['bytes/1000000', 'a million bytes'],
  ['slow?ms=2000', 'a slow response'],
  ['status/503', 'any status'],
];

function askedFor(first: (name: string) => string | undefined): string | undefined {
  const host = first('x-forwarded-host');
  if (host === undefined) return undefined;
  return `${first('x-forwarded-proto') ?? 'http'}://${host}${first('x-forwarded-prefix') ?? ''}`;
}

function hopItem({ name, detail, link }: Hop): string {
  const after = link === undefined ? '' : `<em>${escape(link)}</em>`;
  return `<li><strong>${escape(name)}</strong><span>${escape(detail)}</span>${after}</li>`;
}

function row(name: string, value: string | undefined): string {
  return value === undefined ? '' : `<dt>${name}</dt><dd>${escape(value)}</dd>`;
}

function headerRows(raw: readonly string[]): string {
  let rows = '';
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? '';
    const value = neverShown.has(name.toLowerCase()) ? '(not shown)' : (raw[i + 1] ?? '');
    rows += `<tr><th scope="row">${escape(name)}</th><td>${escape(value)}</td></tr>`;
  }
  return rows;
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
