// Requests of each kind on one connection, as many as `make test` has time for; `make soak` sends
// ten times as many.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { tlsFile } from '../helpers/certificates.ts';
import { askMany, manyKinds, startMany } from '../helpers/http2-many.ts';
import { needs } from '../helpers/needs.ts';
import { key } from '../helpers/plain-gateway.ts';
import { runProgram } from '../helpers/programs.ts';
import { tempDirectory } from '../helpers/temp-directory.ts';

const count = 2_000;
const { path: curl, skip } = needs('curl');

for (const kind of manyKinds) {
  test(`Node’s client: ${count} requests on one connection, none counted as abuse: ${kind.name}`, async (t) => {
    await askMany(await startMany(t), kind, count);
  });
}

// Sequentially: with parallel transfers curl 7.88 fails those whose response comes before their
// body, with Go's server as well.
for (const { name, path, headers, body, status } of manyKinds) {
  test(`curl: ${count} requests on one connection, none counted as abuse: ${name}`, { skip }, async (t) => {
    const { port } = await startMany(t);
    const args = ['-sS', '-o', '/dev/null', '-H', `X-API-Key: ${key}`, '--cacert', tlsFile('cert.pem')];
    args.push('--resolve', `localhost:${port}:127.0.0.1`, '-w', '%{http_code} %{http_version} %{num_connects}\n');
    if (body !== undefined) {
      const file = join(await tempDirectory(t), 'body');
      await writeFile(file, body);
      args.push('--data-binary', `@${file}`);
      // Without the field, the length is not announced in HTTP/2.
      if (!('content-length' in headers)) args.push('-H', 'Content-Length:');
    }
    // The fragment is not sent, so the path is the same each time.
    const { code, stdout, stderr } = await runProgram(curl, [
      ...args,
      `https://localhost:${port}/peer/app${path}#[1-${count}]`,
    ]);
    assert.deepEqual([code, stderr], [0, '']);
    const lines = stdout.toString().trim().split('\n');
    assert.deepEqual([...new Set(lines)], [`${status} 2 1`, `${status} 2 0`]);
    assert.equal(lines.filter((line) => line.endsWith(' 1')).length, 1);
    assert.equal(lines.length, count);
  });
}
