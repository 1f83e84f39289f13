// The site that the browser visits: a page with assets, server-sent events, a WebSocket, uploads
// and a cookie session. Links are relative, because the app does not know where it is mounted; URLs
// in headers are absolute.
import { hash } from 'node:crypto';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { WebSocketServer } from 'ws';

const page = `<!doctype html>
<meta charset="utf-8">
<title>not yet</title>
<link rel="stylesheet" href="style.css">
<link rel="icon" href="data:,">
<h1>Site</h1>
<form action="upload" method="post" enctype="multipart/form-data">
  <input name="title" value="Zwölf"><input type="file" name="file"><button>Send</button>
</form>
<script src="parts/script.js"></script>`;

const parts: Readonly<Record<string, readonly [type: string, text: string]>> = {
  '/': ['text/html', page],
  '/style.css': ['text/css', 'h1 { color: rgb(1, 2, 3); }'],
  '/parts/script.js': ['text/javascript', "document.title = 'script ran';"],
};

/** Records what the site received, for the test. */
export interface Visits {
  readonly requests: IncomingMessage[];
  readonly events: ServerResponse[];
}

export function createSite(): { readonly serve: RequestListener; readonly visits: Visits } {
  const visits: Visits = { requests: [], events: [] };
  const serve: RequestListener = (request, response) => {
    visits.requests.push(request);
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    const part = parts[path];
    if (part !== undefined) {
      const [type, text] = part;
      response.setHeader('Content-Type', `${type}; charset=utf-8`).end(text);
      return;
    }
    switch (path) {
      case '/events':
        visits.events.push(response);
        response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
        break;
      case '/upload':
        void describeUpload(request, response);
        break;
      case '/login':
        response
          .writeHead(303, { Location: '/account/', 'Set-Cookie': ['session=s1; Path=/; HttpOnly', 'theme=dark'] })
          .end();
        break;
      case '/account/':
        response.setHeader('Content-Type', 'text/html').end(`<p>${request.headers.cookie ?? 'no cookie'}</p>`);
        break;
      default:
        response.writeHead(404).end();
    }
  };
  return { serve, visits };
}

async function describeUpload(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await buffer(request);
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify({ bytes: body.length, sha256: hash('sha256', body), title: body.includes('Zwölf') }));
}

/** /ws echoes every message, and closes with 4002 on `bye`. */
export function echoOn(server: Server): void {
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: true });
  server.on('upgrade', (request: IncomingMessage, socket, head: Buffer) => {
    sockets.handleUpgrade(request, socket, head, (accepted) => {
      accepted.on('message', (data: Buffer, isBinary) => {
        if (data.toString() === 'bye') accepted.close(4002, 'as you wish');
        else accepted.send(data, { binary: isBinary });
      });
    });
  });
}
