// Serves /echo: streams the request body back while it is still arriving. Without a body, or with
// ?as=json, responds with a description of the request.
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

export function echo(request: IncomingMessage, response: ServerResponse, url: URL): void {
  const { headers } = request;
  const hasBody = headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
  if (!hasBody || url.searchParams.get('as') === 'json') {
    describe(request, response);
    return;
  }
  response.setHeader('Content-Type', headers['content-type'] ?? 'application/octet-stream');
  response.setHeader('X-Echo-Method', request.method ?? '');
  if (headers['content-length'] !== undefined) response.setHeader('Content-Length', headers['content-length']);
  request.on('error', () => {
    response.destroy();
  });
  request.pipe(response);
}

/** Reads the whole body, but keeps only its length and hash. */
function describe(request: IncomingMessage, response: ServerResponse): void {
  const hash = createHash('sha256');
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    hash.update(chunk);
  });
  request.on('error', () => {
    response.destroy();
  });
  request.on('end', () => {
    const { method, url, httpVersion, rawHeaders, rawTrailers } = request;
    const description = {
      method,
      target: url,
      httpVersion,
      headers: pairs(rawHeaders),
      trailers: pairs(rawTrailers),
      body: { bytes, sha256: hash.digest('hex') },
    };
    response.setHeader('Content-Type', 'application/json');
    response.end(`${JSON.stringify(description, null, 2)}\n`);
  });
}

function pairs(raw: readonly string[]): [string, string][] {
  const list: [string, string][] = [];
  for (let i = 0; i < raw.length; i += 2) list.push([raw[i] ?? '', raw[i + 1] ?? '']);
  return list;
}
