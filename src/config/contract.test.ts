// Compares the schema with the reference example (test/contract/config.example.yaml): both must
// have the same settings with the same defaults.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { configShape } from './schema/config-shape.ts';
import { defaultConfig } from './schema/defaults.ts';
import { valueAt } from './load/to-config.ts';
import { validate } from './check/verdict.ts';
import { laterEnvironment, laterMessage, laterSections } from './schema/unsupported.ts';
import { environmentName, showPath } from './schema/names.ts';
import { fixedSettings, type Path, shapeAt } from './schema/shape.ts';
import { mapNode, nodeAt, put, type Sourced } from './source/sourced.ts';
import { readYaml } from './source/yaml.ts';

const text = await readFile(join(import.meta.dirname, '../../test/contract/config.example.yaml'), 'utf8');
const { root, faults } = readYaml(text, 'contract');
const fixed = Array.from(fixedSettings(configShape));

function* leaves(node: Sourced): Generator<Path> {
  if (node.kind === 'scalar') yield node.path;
  else if (node.kind === 'list') for (const item of node.items) yield* leaves(item);
  else for (const { node: inner } of node.entries.values()) yield* leaves(inner);
}

function isLater(path: Path): boolean {
  return path.some((_, i) => laterMessage(path.slice(0, i + 1)) !== undefined);
}

const contract = Array.from(leaves(root));

test('the contract is valid YAML', () => {
  assert.deepEqual(faults, []);
  assert.ok(contract.length > 100);
});

describe('settings in the contract', () => {
  for (const path of contract) {
    test(`${showPath(path)} is either a setting, or an error that names the release`, () => {
      const known = shapeAt(configShape, path) !== undefined;
      assert.notEqual(known, isLater(path), 'exactly one of the two');
    });
  }
});

describe('settings in the schema', () => {
  for (const { path, shape } of fixed) {
    test(`${showPath(path)} is in the contract, with the same default`, () => {
      const node = nodeAt(root, path);
      if (node === undefined && nodeAt(root, path.slice(0, -1)) !== undefined) {
        // A section that the example leaves empty: its settings have no defaults.
        assert.equal(shape.meta.initial, undefined);
        assert.equal(valueAt(defaultConfig(), configShape, path), undefined);
        return;
      }
      assert.ok(node !== undefined);
      const only = mapNode([], { kind: 'default' });
      put(only, path, node);
      const { config } = validate(only, new Set(), '/');
      assert.deepEqual(
        valueAt(config ?? assert.fail(), configShape, path),
        valueAt(defaultConfig(), configShape, path),
        String(shape.meta.initial),
      );
    });
  }
});

describe('sections of later releases', () => {
  for (const name of laterSections()) {
    test(`${name} is in the contract, and not yet a section`, () => {
      assert.ok(nodeAt(root, [name]) !== undefined);
      assert.equal(configShape.fields.has(name), false);
    });
  }

  test('every environment variable name is unambiguous', () => {
    const names = new Set(fixed.map(({ path }) => environmentName(path)));
    for (const name of laterEnvironment().keys()) assert.ok(!names.has(name), name);
    assert.ok(laterEnvironment().has('CIRCUIT_BREAKER_MIN_REQUESTS'));
  });

  test('names of Object.prototype members are not later settings', () => {
    for (const name of ['constructor', 'toString', '__proto__']) assert.equal(laterMessage([name]), undefined);
  });
});
