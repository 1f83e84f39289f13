import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { schemaFaults } from '../../../test/helpers/json-schema.ts';
import { configJsonSchema } from './json-schema.ts';

// As editors receive it.
const schema = JSON.parse(JSON.stringify(configJsonSchema())) as Record<string, unknown>;
const examples = join(import.meta.dirname, '../../../examples');

test('names its draft and its subject', () => {
  assert.equal(schema['$schema'], 'http://json-schema.org/draft-07/schema#');
  assert.equal(schema['title'], 'Portal Gateway configuration');
});

/** Every nested schema, with its path. */
function* parts(part: unknown, path: string): Generator<readonly [string, Record<string, unknown>]> {
  const inner = part as Record<string, unknown>;
  yield [path, inner];
  for (const [name, property] of Object.entries(inner['properties'] ?? {})) yield* parts(property, `${path}.${name}`);
  if (inner['items'] !== undefined) yield* parts(inner['items'], `${path}[]`);
  const others = inner['additionalProperties'];
  if (typeof others === 'object' && others !== null) yield* parts(others, `${path}.*`);
}

test('each setting has a description and accepts its default', () => {
  const all = Array.from(parts(schema, '$'));
  assert.ok(all.length > 90);
  for (const [path, part] of all) {
    assert.match(String(part['description']), /^[A-Z].*\.$/s, path);
    if (part['default'] !== undefined) assert.deepEqual(schemaFaults(part, part['default'], path), []);
    if (part['properties'] !== undefined) assert.equal(part['additionalProperties'], false, path);
  }
});

describe('accepts', () => {
  for (const name of readdirSync(examples)) {
    test(`examples/${name}`, () => {
      const value: unknown = parse(readFileSync(join(examples, name), 'utf8'));
      assert.deepEqual(schemaFaults(schema, value), []);
    });
  }
});

describe('rejects', () => {
  for (const [text, fault] of [
    ['gatway: {}', '$.gatway: additionalProperties'],
    ['gateway: { prot: 1 }', '$.gateway.prot: additionalProperties'],
    ['gateway: { port: eighty }', '$.gateway.port: type'],
    ['gateway: { port: 65536 }', '$.gateway.port: maximum'],
    ['gateway: { idle_timeout: 10 }', '$.gateway.idle_timeout: anyOf'],
    ['gateway: { max_body_bytes: 10 mb }', '$.gateway.max_body_bytes: anyOf'],
    ['tls: { min_version: "1.1" }', '$.tls.min_version: enum'],
    ['auth: { keys: [{ key: a }] }', '$.auth.keys[0]: required'],
    ['rate_limit: { per_lease: { a: { burst: 1 } } }', '$.rate_limit.per_lease.a: required'],
    ['cors: { origins: "*" }', '$.cors.origins: type'],
    ['leases: { a: { headers: { request: { set: { X-A: 1 } } } } }', '$.leases.a.headers.request.set.X-A: type'],
  ] as const) {
    test(text, () => {
      assert.deepEqual(schemaFaults(schema, parse(text)), [fault]);
    });
  }
});
