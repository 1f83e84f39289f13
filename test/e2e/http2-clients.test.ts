// Common clients over TLS, with and without HTTP/2: curl and undici.
import assert from 'node:assert/strict';
import { hash, randomBytes } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { Agent, request } from 'undici';
import { certificate, tlsFile } from '../helpers/certificates.ts';
import { needs } from '../helpers/needs.ts';
import { key } from '../helpers/plain-gateway.ts';
import { runProgram, type Run } from '../helpers/programs.ts';
import { startSecureGateway } from '../helpers/secure-gateway.ts';

const { path: curl, skip } = needs('curl');
const file = randomBytes(3 * 1024 * 1024);

/** Sends the file, and responds to uploads with their digest. */
const serve: RequestListener = (incoming, response) => {
  if (incoming.method === 'GET') response.end(file);
  else {
    void buffer(incoming).then((body) => {
      response.setHeader('Trailer', 'X-Digest');
      response.addTrailers({ 'X-Digest': hash('sha256', body) });
      response.end(String(body.length));
    });
  }
};

function runCurl(port: number, args: readonly string[], input?: Buffer): Promise<Run> {
  const url = `https://localhost:${port}/peer/app/`;
  const trust = ['--cacert', tlsFile('cert.pem'), '--resolve', `localhost:${port}:127.0.0.1`];
  return runProgram(curl, ['-sS', '--fail', '-H', `X-API-Key: ${key}`, ...trust, ...args, url], input);
}

test('curl selects HTTP/2 by itself, HTTP/1.1 on request, and nothing older than TLS 1.3', { skip }, async (t) => {
  const { port } = await startSecureGateway(t, serve);
  for (const [args, version] of [
    [[], '2'],
    [['--http2'], '2'],
    [['--http1.1'], '1.1'],
    [['--http1.0'], '1.1'],
  ] as const) {
    const { code, stdout, stderr } = await runCurl(port, [...args, '-w', '%{stderr}%{http_version} %{http_code}']);
    assert.deepEqual([code, stderr], [0, `${version} 200`]);
    assert.ok(stdout.equals(file));
  }
  assert.equal((await runCurl(port, ['--tls-max', '1.2'])).code, 35);
});

test('curl uploads over HTTP/2, with and without a length, and may wait for a 100', { skip }, async (t) => {
  const { port } = await startSecureGateway(t, serve);
  for (const more of [[], ['-H', 'Expect: 100-continue']]) {
    const sized = await runCurl(port, ['--data-binary', '@-', ...more], file);
    assert.deepEqual([sized.code, sized.stdout.toString()], [0, String(file.length)]);
    const unsized = await runCurl(port, ['-T', '-', ...more], file);
    assert.deepEqual([unsized.code, unsized.stdout.toString()], [0, String(file.length)]);
  }
});

test('curl with several transfers shares one connection', { skip }, async (t) => {
  const { port } = await startSecureGateway(t, (_, response) => response.end('ok '));
  const url = `https://localhost:${port}/peer/app/`;
  const format = '%{stderr}%{num_connects}';
  const { stdout, stderr } = await runCurl(port, ['-w', format, url, url]);
  assert.deepEqual([stdout.toString(), stderr], ['ok ok ok ', '100']);
});

test('undici with and without HTTP/2: many at once, bodies and trailers', async (t) => {
  const { port } = await startSecureGateway(t, serve);
  for (const allowH2 of [true, false]) {
    const dispatcher = new Agent({ allowH2, connect: { ca: certificate.cert, servername: 'localhost' } });
    t.after(() => dispatcher.close());
    const responses = await Promise.all(
      Array.from({ length: 10 }, async (_, i) => {
        const options = { dispatcher, headers: { 'x-api-key': key } } as const;
        const url = `https://127.0.0.1:${port}/peer/app/${i}`;
        const { statusCode, body } =
          i % 2 === 0
            ? await request(url, options)
            : await request(url, { ...options, method: 'PUT', body: Buffer.alloc(i * 10_000) });
        return [statusCode, Buffer.from(await body.arrayBuffer())] as const;
      }),
    );
    for (const [i, [status, body]] of responses.entries()) {
      assert.equal(status, 200);
      if (i % 2 === 0) assert.ok(body.equals(file));
      else assert.equal(body.toString(), String(i * 10_000));
    }
  }
});
