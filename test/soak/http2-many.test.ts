// 20,000 requests of each kind on one HTTP/2 connection: no abuse counter may count them.
import { test } from 'node:test';
import { askMany, manyKinds, startMany } from '../helpers/http2-many.ts';

const count = 20_000;

for (const kind of manyKinds) {
  test(`Node’s client: ${count} requests on one connection: ${kind.name}`, async (t) => {
    await askMany(await startMany(t), kind, count);
  });
}
