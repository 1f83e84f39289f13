// For any file and environment, loading returns a configuration, or faults of one line with a
// position inside the file. A configuration that it accepts can be printed by `config print` and
// loaded again.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { tempDirectory } from '../../../test/helpers/temp-directory.ts';
import { configShape } from '../schema/config-shape.ts';
import { loadConfig, type LoadResult } from './load.ts';
import { environmentName } from '../schema/names.ts';
import { type Finding, findingLine } from '../source/origin.ts';
import { printConfig } from './print.ts';
import { fixedSettings, type Shape } from '../schema/shape.ts';

const repository = join(import.meta.dirname, '../../..');
const examples = readdirSync(join(repository, 'examples')).map((name) => `examples/${name}`);
const corpus = [...examples, 'test/contract/config.example.yaml'].map((path) => readFileSync(join(repository, path)));

// eslint-disable-next-line no-control-regex -- they are what must not come out
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

function assertPlaced({ origin, message }: Finding, lines: readonly string[]): void {
  const line = findingLine({ origin, message });
  assert.ok(!unprintable.test(line), JSON.stringify(line));
  assert.ok(message.length < 1000, message);
  if (origin?.kind !== 'file') return;
  const length = lines[origin.line - 1]?.length;
  assert.ok(length !== undefined, `${line}: the file has ${lines.length} lines`);
  assert.ok(origin.column >= 1 && origin.column <= length + 1, `${line}: the line has ${length} characters`);
}

type Loader = (text: string | Uint8Array, env?: Record<string, string>) => Promise<LoadResult>;

async function loaderIn(t: TestContext): Promise<Loader> {
  const workingDirectory = await tempDirectory(t);
  return async (text, env = {}) => {
    await writeFile(join(workingDirectory, 'f.yaml'), text);
    const result = await loadConfig({ file: 'f.yaml', env, workingDirectory });
    const lines = Buffer.from(text).toString('utf8').split('\n');
    assert.ok(result.ok || result.faults.length > 0);
    for (const finding of [...(result.ok ? [] : result.faults), ...result.warnings]) assertPlaced(finding, lines);
    return result;
  };
}

async function assertPrinted(result: LoadResult, load: Loader): Promise<void> {
  if (!result.ok) return;
  // Hashes are printed as ***, which is not a hash: replaces each by a different valid one.
  let hashes = 10;
  const printed = printConfig(result.config, result.sources)
    .join('\n')
    .replace(/(?<=key_hash: )"\*\*\*"/g, () => `"$2b$12$${'x'.repeat(51)}${(hashes += 1)}"`);
  const again = await load(printed);
  assert.ok(again.ok, again.ok ? '' : again.faults.map(findingLine).join('\n'));
  // Secrets come back as their mask.
  const { auth, portal, leases, ...rest } = result.config;
  assert.deepEqual({ ...again.config, auth, portal, leases }, { auth, portal, leases, ...rest });
  assert.deepEqual(again.config.portal.pool, portal.pool);
  assert.deepEqual(Object.keys(again.config.leases), Object.keys(leases));
}

/** One to four edits: bytes removed, doubled, replaced or inserted, and pieces of another file. */
const mutated = fc
  .tuple(
    fc.constantFrom(...corpus),
    fc.array(
      fc.record({
        at: fc.double({ min: 0, max: 1, noNaN: true }),
        length: fc.nat(40),
        put: fc.oneof(
          fc.constant(Buffer.alloc(0)),
          fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
          fc.constantFrom(
            ...['\n', '  ', '\t', ': ', '- ', '"', "'", '{', ']', '&a ', '*a', '!x ', '#', '${', '|', '\0', '\r'].map(
              (text) => Buffer.from(text),
            ),
          ),
          fc
            .tuple(fc.constantFrom(...corpus), fc.nat(2000), fc.nat(200))
            .map(([file, at, length]) => file.subarray(at, at + length)),
        ),
        cut: fc.boolean(),
      }),
      { minLength: 1, maxLength: 4 },
    ),
  )
  .map(([file, edits]) =>
    edits.reduce((bytes, { at, length, put, cut }) => {
      const from = Math.floor(at * bytes.length);
      return Buffer.concat([bytes.subarray(0, from), put, bytes.subarray(cut ? from + length : from)]);
    }, file),
  );

test('files with typing mistakes', async (t) => {
  const load = await loaderIn(t);
  await fc.assert(
    fc.asyncProperty(mutated, async (bytes) => {
      await load(bytes);
    }),
    { numRuns: 1000 },
  );
});

const pieces = [
  ...[
    'gateway:',
    'port: 1',
    'auth',
    'keys',
    'leases:',
    '"*":',
    ': ',
    '- ',
    '? ',
    '\n',
    '\n  ',
    '\n    ',
    ' ',
    '\t',
    '---\n',
    '...\n',
    '%YAML 1.2\n',
  ],
  ...[
    '{',
    '}',
    '[',
    ']',
    ',',
    '"',
    "'",
    '\\',
    '|',
    '>',
    '&a',
    '*a',
    '!!int ',
    '!',
    '#',
    '@',
    '`',
    '~',
    '<<',
    '1e9',
    '.inf',
    '0x1F',
    '\u0000',
    '\u2028',
    '\ufeff',
    '😀',
  ],
];

test('random sequences of YAML tokens', async (t) => {
  const load = await loaderIn(t);
  const text = fc.array(fc.constantFrom(...pieces), { maxLength: 40 }).map((parts) => parts.join(''));
  await fc.assert(
    fc.asyncProperty(text, async (yaml) => {
      await load(yaml);
    }),
    { numRuns: 1200 },
  );
});

const scalar: fc.Arbitrary<unknown> = fc.oneof(
  ...[fc.string(), fc.integer(), fc.double(), fc.boolean(), fc.constant(null), fc.string({ unit: 'binary' })],
  fc.constantFrom(
    '10s',
    '5m',
    '0',
    '1MiB',
    'ws://a/relay',
    '10.0.0.0/8',
    'https://a.example',
    'GET',
    '/a/*',
    'a-*',
    '*',
    '${A}',
    '${B}',
    'file:a',
    'a b',
  ),
);

function isRequired(shape: Shape | undefined): boolean {
  return shape?.kind === 'scalar' && shape.meta.initial === undefined && shape.meta.bounds === undefined;
}

/** Usually valid for the schema; sometimes anything. */
function valueFor(shape: Shape): fc.Arbitrary<unknown> {
  const junk = fc.oneof(scalar, fc.array(scalar, { maxLength: 3 }), fc.dictionary(fc.string(), scalar, { maxKeys: 3 }));
  switch (shape.kind) {
    case 'scalar': {
      const { initial, example = initial, secret } = shape.meta;
      // Other tests cover files.
      const known =
        shape.scalar === 'path' || secret === 'private'
          ? fc.constant('')
          : fc.constantFrom(initial ?? example, example);
      return fc.oneof({ weight: 100, arbitrary: known }, { weight: 1, arbitrary: junk });
    }
    case 'list':
      if (shape.item.meta.typeName === 'CertificateConfig') return fc.constant([]);
      return fc.oneof(
        { weight: 60, arbitrary: fc.array(valueFor(shape.item), { maxLength: 1 }) },
        { weight: 1, arbitrary: junk },
      );
    case 'map': {
      const names = fc.oneof(
        fc.constantFrom('a', 'b-*', '*', 'A', 'x y', 'constructor', '__proto__', 'é'),
        fc.string(),
      );
      return fc.oneof(
        { weight: 60, arbitrary: fc.dictionary(names, valueFor(shape.entry), { maxKeys: 3 }) },
        { weight: 1, arbitrary: junk },
      );
    }
    case 'section': {
      const fields = Array.from(shape.fields, ([name, field]) => [name, valueFor(field)] as const);
      const requiredKeys = fields.map(([name]) => name).filter((name) => isRequired(shape.fields.get(name)));
      const settings = fc.record(Object.fromEntries(fields), { requiredKeys });
      return fc.oneof({ weight: 100, arbitrary: settings }, { weight: 1, arbitrary: junk });
    }
  }
}

/** A few sections at a time: all of them together would hardly ever be valid. */
const someSections = fc
  .subarray([...configShape.fields.keys()], { maxLength: 3 })
  .chain((names) =>
    fc.record(Object.fromEntries(names.map((name) => [name, valueFor(configShape.fields.get(name) ?? configShape)]))),
  );

test('random values for settings; accepted ones survive printing and parsing', async (t) => {
  const load = await loaderIn(t);
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(someSections, fc.boolean(), async (value, flow) => {
      const yaml = flow ? JSON.stringify(value) : stringify(value);
      const result = await load(yaml, { A: 'a-value', API_KEY_1: 'a-key' });
      if (result.ok) taken += 1;
      await assertPrinted(result, load);
    }),
    { numRuns: 500 },
  );
  assert.ok(taken > 40, `only ${taken} were accepted`);
});

test('random variables with our prefixes', async (t) => {
  const load = await loaderIn(t);
  const names = Array.from(fixedSettings(configShape), ({ path }) => environmentName(path));
  const name = fc.oneof(
    fc.constantFrom(...names),
    fc.constantFrom('GATEWAY_', 'TLS_X', 'CACHE_ENABLED', 'RATE_LIMIT_X', 'PORTAL_PORT_80_TCP'),
  );
  const value = fc.oneof(scalar.map(String), fc.string({ unit: 'binary', maxLength: 300 }));
  await fc.assert(
    fc.asyncProperty(fc.dictionary(name, value, { maxKeys: 6 }), async (env) => {
      await load('gateway: {}\n', env);
    }),
    { numRuns: 400 },
  );
});
