// An app that serves git repositories over HTTP: git's own http-backend, by CGI (RFC 3875).
import { spawn } from 'node:child_process';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { dirname } from 'node:path';
import process from 'node:process';

/** `repositories`: the directory that holds them. Everybody may push: the gateway decides who. */
export function gitServer(repositories: string): RequestListener {
  return (request, response) => {
    serve(repositories, request, response);
  };
}

function serve(repositories: string, request: IncomingMessage, response: ServerResponse): void {
  const { method = '', url = '/', headers } = request;
  const [path = '', query = ''] = url.split('?');
  const child = spawn('git', ['http-backend'], {
    cwd: dirname(repositories),
    env: {
      ...{ PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1' },
      ...{ GIT_PROJECT_ROOT: repositories, GIT_HTTP_EXPORT_ALL: '1', REMOTE_USER: 'caller', REMOTE_ADDR: '127.0.0.1' },
      ...{ REQUEST_METHOD: method, PATH_INFO: decodeURIComponent(path), QUERY_STRING: query },
      CONTENT_TYPE: headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: headers['content-encoding'] ?? '',
      GIT_PROTOCOL: String(headers['git-protocol'] ?? ''),
      ...(headers['content-length'] !== undefined && { CONTENT_LENGTH: headers['content-length'] }),
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  request.pipe(child.stdin);
  child.stdin.on('error', () => undefined);
  let head = Buffer.alloc(0);
  child.stdout.on('data', (chunk: Buffer) => {
    if (response.headersSent) {
      response.write(chunk);
      return;
    }
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end === -1) return;
    respond(response, head.subarray(0, end).toString('latin1'));
    if (head.length > end + 4) response.write(head.subarray(end + 4));
  });
  child.stdout.on('end', () => {
    response.end();
  });
}

function respond(response: ServerResponse, head: string): void {
  const fields = head.split('\r\n').map((line) => line.split(': ', 2) as [string, string]);
  const status = Number.parseInt(fields.find(([name]) => name === 'Status')?.[1] ?? '200', 10);
  response.writeHead(status, fields.filter(([name]) => name !== 'Status').flat());
}
