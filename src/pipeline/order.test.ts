// The list of stages is complete, explained and documented.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const code = readFileSync(join(import.meta.dirname, 'order.ts'), 'utf8');
const main = code.slice(code.indexOf('export function createPipeline'));
const list = main.slice(main.indexOf('  return compose('));
/** The stages are the items of an array; the last one is the argument after it. */
const items = Array.from(list.matchAll(/((?:^ +\/\/ .*\n)*)^ {4}(?: {2})?([a-z]\w*)\(/gim), ([, comment, name]) => ({
  comment: comment ?? '',
  name: name ?? '',
}));

test('every stage of order.ts has a reason for its place', () => {
  assert.ok(items.length > 15 && items.at(-1)?.name === 'forward', JSON.stringify(items));
  assert.deepEqual(
    items.filter(({ comment }) => comment === ''),
    [],
  );
});

test('order.ts uses every file of stages/', () => {
  const files = readdirSync(join(import.meta.dirname, 'stages')).filter((file) => !file.endsWith('.test.ts'));
  assert.deepEqual(
    files.filter((file) => !code.includes(`'./stages/${file}'`)),
    [],
  );
});

test('the architecture lists the stages in the order of order.ts', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/architecture.md'), 'utf8');
  const [, table = ''] = /^\| stage +\| does +\|\n\|.*\n((?:\|.*\n)*)/m.exec(page) ?? [];
  const rows = Array.from(table.matchAll(/^\| `(\w+)` /gm), ([, name]) => name);
  assert.deepEqual(
    rows,
    items.map(({ name }) => name),
  );
});
