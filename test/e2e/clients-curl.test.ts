// curl through the gateway: output and exit code are the same as directly in front of the app.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { hash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { needs } from '../helpers/needs.ts';
import { auth, key, startPlainGateway } from '../helpers/plain-gateway.ts';
import { runProgram, type Run } from '../helpers/programs.ts';
import { closed, handedOver } from '../helpers/scripted-app.ts';
import { tempDirectory } from '../helpers/temp-directory.ts';

const program = needs('curl');
const skip = program.skip;
const file = randomBytes(3 * 1024 * 1024);

/** Serves files, ranges of them, and uploads. */
const serve: RequestListener = (request, response) => {
  void respond(request, response);
};

async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === 'GET' || request.method === 'HEAD') {
    sendFile(request, response);
    return;
  }
  const body = await buffer(request);
  const {
    'content-length': length = null,
    'transfer-encoding': coding = null,
    'content-type': type = null,
  } = request.headers;
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify({ method: request.method, sha256: hash('sha256', body), length, coding, type }));
}

/** RFC 9110 §14.2, single ranges only. */
function sendFile(request: IncomingMessage, response: ServerResponse): void {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
  response.setHeader('Accept-Ranges', 'bytes');
  if (first === '' && last === '') {
    response.writeHead(200, { 'Content-Length': file.length }).end(file);
    return;
  }
  const begin = first === '' ? file.length - Number(last) : Number(first);
  const end = first === '' || last === '' ? file.length : Number(last) + 1;
  const part = file.subarray(begin, end);
  response.writeHead(206, {
    'Content-Range': `bytes ${begin}-${end - 1}/${file.length}`,
    'Content-Length': part.length,
  });
  response.end(part);
}

interface Curl {
  /** Runs curl with the key, silent except for errors. Paths are below the app's prefix. */
  readonly run: (path: string, ...args: readonly string[]) => Promise<Run>;
}

async function curlFor(
  t: TestContext,
  app: RequestListener,
): Promise<Curl & Awaited<ReturnType<typeof startPlainGateway>>> {
  const gateway = await startPlainGateway(t, app);
  return {
    ...gateway,
    run: (path, ...args) =>
      runProgram(program.path, [
        '--disable',
        '--silent',
        '--show-error',
        '--header',
        `X-API-Key: ${key}`,
        ...args,
        `http://127.0.0.1:${gateway.port}/peer/app${path}`,
      ]),
  };
}

/** Asserts exit code 0 and returns the output. */
async function content(run: Promise<Run>): Promise<Buffer> {
  const { code, stdout, stderr } = await run;
  assert.equal(code, 0, stderr);
  return stdout;
}

async function described(run: Promise<Run>): Promise<Readonly<Record<string, unknown>>> {
  return JSON.parse((await content(run)).toString()) as Readonly<Record<string, unknown>>;
}

async function fileOf(t: TestContext, bytes: Buffer): Promise<string> {
  const path = join(await tempDirectory(t), 'file');
  await writeFile(path, bytes);
  return path;
}

test('curl downloads a file and its head', { skip }, async (t) => {
  const { run } = await curlFor(t, serve);
  assert.deepEqual(await content(run('/file')), file);
  const head = (await content(run('/file', '--head'))).toString();
  assert.match(head, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(head, /\r\nContent-Length: 3145728\r\n/i);
});

test('curl requests ranges, and resumes an interrupted download', { skip }, async (t) => {
  const { run } = await curlFor(t, serve);
  assert.deepEqual(await content(run('/file', '--range', '1000-1999')), file.subarray(1000, 2000));
  assert.deepEqual(await content(run('/file', '--range', '-500')), file.subarray(-500));
  const partial = await fileOf(t, file.subarray(0, 1_000_000));
  await content(run('/file', '--continue-at', '-', '--output', partial));
  assert.deepEqual(await readFile(partial), file);
});

test('curl uploads with -T: a file with its length, standard input in chunks', { skip }, async (t) => {
  const { run, port } = await curlFor(t, serve);
  const sha256 = hash('sha256', file);
  assert.deepEqual(await described(run('/up', '--upload-file', await fileOf(t, file))), {
    method: 'PUT',
    sha256,
    length: String(file.length),
    coding: null,
    type: null,
  });
  const args = ['--disable', '--silent', '--show-error', '--header', `X-API-Key: ${key}`, '--upload-file', '-'];
  const piped = runProgram(program.path, [...args, `http://127.0.0.1:${port}/peer/app/up`], file);
  assert.deepEqual(await described(piped), { method: 'PUT', sha256, length: null, coding: 'chunked', type: null });
});

test('curl posts data, files and forms', { skip }, async (t) => {
  const { run } = await curlFor(t, serve);
  const form = await described(run('/', '--data', 'a=b', '--data-urlencode', 'c=d e'));
  assert.deepEqual([form['length'], form['type']], ['9', 'application/x-www-form-urlencoded']);
  assert.equal(form['sha256'], hash('sha256', 'a=b&c=d+e'));
  const path = await fileOf(t, file);
  // Large enough that curl sends Expect: 100-continue first.
  assert.equal((await described(run('/', '--data-binary', `@${path}`)))['sha256'], hash('sha256', file));
  assert.match(
    String((await described(run('/', '--form', `file=@${path}`)))['type']),
    /^multipart\/form-data; boundary=/,
  );
});

test("curl with Expect: 100-continue waits for the app's 100", { skip }, async (t) => {
  const { run, app } = await curlFor(t, serve);
  app.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    if (request.url === '/refused') response.writeHead(403, { connection: 'close' }).end('no');
    else {
      response.writeContinue();
      serve(request, response);
    }
  });
  const path = await fileOf(t, file);
  const upload = ['--verbose', '--header', 'Expect: 100-continue', '--expect100-timeout', '20', '--upload-file', path];
  const taken = await run('/taken', ...upload);
  assert.equal(taken.code, 0, taken.stderr);
  assert.match(taken.stderr, /< HTTP\/1\.1 100 Continue[^]*< HTTP\/1\.1 200 OK/);
  const refused = await run('/refused', ...upload, '--write-out', ' %{http_code} %{size_upload}');
  assert.equal(refused.stdout.toString(), 'no 403 0');
});

test('curl with HTTP/1.0 gets no chunks, and the end of the connection ends the body', { skip }, async (t) => {
  const { run } = await curlFor(t, (_, response) => {
    response.write('in ');
    response.end('pieces');
  });
  const response = (await content(run('/', '--http1.0', '--include'))).toString();
  assert.match(response, /\r\n\r\nin pieces$/);
  assert.doesNotMatch(response, /transfer-encoding/i);
});

test('curl with HTTP/2 offered without TLS gets HTTP/1.1', { skip }, async (t) => {
  const { run } = await curlFor(t, (_, response) => response.end('one'));
  assert.equal((await content(run('/', '--http2', '--write-out', ' %{http_version}'))).toString(), 'one 1.1');
});

test('curl gets compressed bytes unchanged', { skip }, async (t) => {
  const packed = gzipSync('all the same');
  const { run } = await curlFor(t, (request, response) => {
    const asked = (request.headers['accept-encoding'] ?? '').includes('gzip');
    response.writeHead(200, { 'content-encoding': 'gzip', 'x-asked': String(asked), etag: '"packed"' }).end(packed);
  });
  assert.deepEqual(await content(run('/')), packed);
  const response = (await content(run('/', '--compressed', '--include'))).toString();
  assert.match(response, /\r\nx-asked: true\r\netag: "packed"\r\n[^]*\r\n\r\nall the same$/i);
});

test('curl sends several requests on one connection', { skip }, async (t) => {
  const { run, port } = await curlFor(t, (request, response) => response.end(request.url));
  const more = ['a', 'b', 'c'].map((name) => `http://127.0.0.1:${port}/peer/app/${name}`);
  const printed = (await content(run('/d', '--write-out', ' %{num_connects}\n', ...more))).toString();
  assert.equal(printed, '/a 1\n/b 0\n/c 0\n/d 0\n');
});

test('curl detects a truncated response, whatever its framing', { skip }, async (t) => {
  const { run } = await curlFor(t, (request, response) => {
    if (request.url === '/length') response.setHeader('content-length', 10);
    response.write('part', () => response.socket?.destroy());
  });
  for (const path of ['/length', '/chunks']) {
    const { code, stdout } = await run(path);
    // CURLE_PARTIAL_FILE
    assert.deepEqual([code, stdout.toString()], [18, 'part'], path);
  }
});

test('curl fails on gateway errors, and keeps dots and escapes in a path', { skip }, async (t) => {
  const { run, call } = await curlFor(t, (request, response) => response.end(request.url));
  const target = '/a/../b%2Fc//d;e?q=%zz&x=[1]';
  assert.equal((await content(run(target, '--path-as-is', '--globoff'))).toString(), target);
  const refused = await run('/', '--fail-with-body', '--header', 'X-API-Key;');
  assert.equal(refused.code, 22);
  assert.equal((JSON.parse(refused.stdout.toString()) as { status: number }).status, 400);
  assert.equal((await call('/peer/app/', { headers: auth })).status, 200);
});

test('curl prints events as they arrive', { skip }, async (t) => {
  const app = handedOver();
  const { port } = await startPlainGateway(t, app.serve);
  const url = `http://127.0.0.1:${port}/peer/app/events`;
  const curl = spawn(program.path, ['--disable', '--silent', '--no-buffer', '--header', `X-API-Key: ${key}`, url]);
  t.after(() => curl.kill('SIGKILL'));
  const [request, response] = await app.next();
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
    response.write(event);
    const [printed] = (await once(curl.stdout, 'data')) as [Buffer];
    assert.equal(printed.toString(), event);
  }
  const left = closed(request);
  curl.kill('SIGINT');
  await left;
});
