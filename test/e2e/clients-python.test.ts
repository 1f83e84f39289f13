// Python's http.client and urllib through the gateway. The tests are in clients-python.py, under
// the names given here.
import assert from 'node:assert/strict';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { needs } from '../helpers/needs.ts';
import { startPlainGateway } from '../helpers/plain-gateway.ts';
import { runProgram } from '../helpers/programs.ts';

const program = needs('python3');
const script = join(import.meta.dirname, 'clients-python.py');

const tests = [
  'keeps_a_connection_for_several_requests',
  'uploads_by_length_and_in_chunks',
  'reads_a_stream_as_it_comes',
  'notices_that_an_answer_was_cut',
  'sees_problems_as_http_errors',
  'sends_forms_and_reads_headers',
  'follows_a_redirect_of_the_app_and_keeps_its_cookies',
  'speaks_http_1_0',
] as const;

/** What the app does for each path. */
function createApp(): RequestListener {
  let steps: ServerResponse | undefined;
  let taken = 0;
  return (request, response) => {
    const [, name = '', argument] = (request.url ?? '').split(/[/?]/);
    switch (name) {
      case 'steps':
        if (request.method === 'GET') {
          steps = response;
          response.writeHead(200);
        } else response.writeHead(204).end();
        taken += 1;
        if (taken > 3) steps?.end();
        else steps?.write(String(taken));
        break;
      case 'cut':
        if (argument === 'length') response.setHeader('Content-Length', 100);
        response.write('part', () => response.socket?.destroy());
        break;
      case 'login':
        response.writeHead(303, { Location: '/describe', 'Set-Cookie': 'session=1; Path=/; HttpOnly' }).end();
        break;
      default:
        void describe(request, response);
    }
  };
}

async function describe(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { length: bytes } = await buffer(request);
  const { method, url: target, headers } = request;
  response.setHeader('X-Twice', ['one', 'two']);
  response.end(
    JSON.stringify({
      method,
      target,
      bytes,
      length: headers['content-length'] ?? null,
      coding: headers['transfer-encoding'] ?? null,
      type: headers['content-type'] ?? null,
      cookie: headers.cookie ?? null,
    }),
  );
}

for (const name of tests) {
  test(`Python ${name.replaceAll('_', ' ')}`, { skip: program.skip }, async (t) => {
    const { port } = await startPlainGateway(t, createApp());
    const { code, stderr } = await runProgram(program.path, [script, name, `127.0.0.1:${port}`, '/peer/app']);
    assert.equal(code, 0, stderr);
  });
}
