// The demo app: a plain HTTP server with one endpoint for each way in which real apps use a
// connection. It relies only on the requests that it receives, never on gateway or tunnel code.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { ignore } from '../kernel/ignore.ts';
import { responseBytes } from './bytes.ts';
import { echo } from './echo.ts';
import { echoWebSockets } from './websocket.ts';
import { page, type PathFacts } from './page.ts';
import { responseText, numberOf } from './replies.ts';
import { sendEvents } from './event-stream.ts';
import { createServer } from '../kernel/net/node-http.ts';

const maxSlowMs = 600_000;

/**
 * Does not listen yet. `facts` are shown on the page; only the code that set up the path can
 * supply them.
 */
export function createDemoApp(facts: PathFacts = {}): Server {
  const server = createServer({
    // Uploads have no time limit, and only /ws accepts an upgrade.
    requestTimeout: 0,
    shouldUpgradeCallback: (request) => urlOf(request).pathname === '/ws',
  });
  server.on('request', (request, response) => {
    response.on('error', ignore);
    route(request, response, facts);
  });
  server.on('upgrade', echoWebSockets());
  return server;
}

function route(request: IncomingMessage, response: ServerResponse, facts: PathFacts): void {
  const url = urlOf(request);
  // In path mode all apps share the gateway's origin, so nothing that a caller sends may run
  // as a script.
  response.setHeader(
    'Content-Security-Policy',
    "default-src 'none'; style-src 'unsafe-inline'; sandbox allow-same-origin allow-downloads",
  );
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Cache-Control', 'no-store');
  const [, first = '', second = '', ...rest] = url.pathname.split('/');
  if (rest.length > 0) {
    notFound(response, url.pathname);
    return;
  }
  switch (second === '' ? first : `${first}/:x`) {
    case '':
      page(request, response, facts);
      break;
    case 'echo':
      echo(request, response, url);
      break;
    case 'sse':
      sendEvents(request, response, url);
      break;
    case 'ws':
      response.setHeader('Upgrade', 'websocket');
      responseText(response, 426, 'This is a WebSocket endpoint: connect with a WebSocket client.');
      break;
    case 'slow':
      slow(response, url);
      break;
    case 'bytes/:x':
      responseBytes(response, second);
      break;
    case 'status/:x':
      status(response, second);
      break;
    default:
      notFound(response, url.pathname);
  }
}

function slow(response: ServerResponse, url: URL): void {
  const ms = numberOf(url.searchParams.get('ms') ?? '1000', 0, maxSlowMs);
  if (ms === undefined) {
    responseText(response, 400, `ms must be a whole number from 0 to ${maxSlowMs}.`);
    return;
  }
  const timer = setTimeout(() => {
    responseText(response, 200, `That took ${ms} ms.`);
  }, ms);
  response.once('close', () => {
    clearTimeout(timer);
  });
}

function status(response: ServerResponse, text: string): void {
  const code = numberOf(text, 200, 599);
  if (code === undefined) {
    responseText(response, 400, 'The status must be a number from 200 to 599.');
    return;
  }
  if (code >= 300 && code < 400 && code !== 304) response.setHeader('Location', '/');
  responseText(response, code, `This is status ${code}.`);
}

function notFound(response: ServerResponse, path: string): void {
  responseText(
    response,
    404,
    `The demo app has no ${path}. It has /, /echo, /sse, /ws, /bytes/:n, /slow?ms= and /status/:code.`,
  );
}

function urlOf(request: IncomingMessage): URL {
  return URL.parse(request.url ?? '/', 'http://demo') ?? new URL('http://demo/');
}
