// Tests every setting of the schema generically: no setting has a test of its own here.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { resolve } from 'node:path';
import { describe, test } from 'node:test';
import { configShape } from './config-shape.ts';
import { readEnvironmentLayer } from '../source/environment-layer.ts';
import { staysUnset } from './field-meta.ts';
import { spelled } from './fields.ts';
import { valueAt } from '../load/to-config.ts';
import { validate, type Verdict } from '../check/verdict.ts';
import { environmentName, propertyName, showPath } from './names.ts';
import { findingLine } from '../source/origin.ts';
import { fixedSettings, type Path, type ScalarShape, type Shape } from './shape.ts';
import { nodeAt, put } from '../source/sourced.ts';
import { readYaml } from '../source/yaml.ts';

const directory = '/configured';
const entryName = 'x-example';
const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });

interface Leaf {
  readonly path: Path;
  readonly shape: ScalarShape;
}

/** Every scalar of the schema; the first item of each list and one entry of each map. */
function* leaves(shape: Shape, path: Path = []): Generator<Leaf> {
  switch (shape.kind) {
    case 'scalar':
      yield { path, shape };
      return;
    case 'section':
      for (const [name, field] of shape.fields) yield* leaves(field, [...path, name]);
      return;
    case 'list':
      yield* leaves(shape.item, [...path, 0]);
      return;
    case 'map':
      yield* leaves(shape.entry, [...path, entryName]);
  }
}

const all = Array.from(leaves(configShape));
const fixed = Array.from(fixedSettings(configShape));
const numeric = all.filter(({ shape }) => shape.meta.bounds !== undefined);

function exampleOf({ meta, scalar }: ScalarShape, path: Path): unknown {
  if (showPath(path) === 'portal.identity') return pem;
  const { bounds } = meta;
  if (bounds === undefined) return meta.example;
  const other = meta.initial === spelled(meta, bounds.max) || meta.initial === bounds.max ? bounds.min : bounds.max;
  return scalar === 'number' ? other : spelled(meta, other);
}

/** The value of the example in a finished configuration. */
function loadedOf({ meta, scalar }: ScalarShape, example: unknown): unknown {
  if (meta.bounds !== undefined) {
    const { min, max } = meta.bounds;
    return example === spelled(meta, max) || example === max ? max : min;
  }
  return scalar === 'path' ? resolve(directory, String(example)) : example;
}

interface Written {
  readonly text: string;
  readonly line: number;
  readonly column: number;
}

/**
 * Writes a file with one value at the path, and the required settings of its entry. Returns the
 * position of the value.
 */
function fileWith(path: Path, value: string): Written {
  const lines: string[] = [];
  let place = { line: 0, column: 0 };
  const write = (shape: Shape, rest: Path, prefix: string, indent: string): void => {
    const [step, ...further] = rest;
    if (step === undefined) {
      lines.push(`${prefix} ${value}`);
      place = { line: lines.length, column: prefix.length + 2 };
      return;
    }
    lines.push(prefix);
    const inner = `${indent}  `;
    if (shape.kind === 'list') write(shape.item, further, `${inner}-`, inner);
    else if (shape.kind === 'map') write(shape.entry, further, `${inner}${step}:`, inner);
    else if (shape.kind === 'section') {
      for (const [name, field] of shape.fields) {
        if (name === step) write(field, further, `${inner}${name}:`, inner);
        else if (field.kind === 'scalar' && field.meta.initial === undefined && !staysUnset(field.meta)) {
          lines.push(`${inner}${name}: ${JSON.stringify(field.meta.example)}`);
        }
      }
    }
  };
  const [section, ...rest] = path;
  const shape = configShape.fields.get(String(section));
  assert.ok(shape);
  write(shape, rest, `${String(section)}:`, '');
  return { text: lines.join('\n'), ...place };
}

function validateFile(text: string): Verdict {
  const { root, faults } = readYaml(text, 'gateway.yaml');
  assert.deepEqual(faults, []);
  return validate(root, new Set(), directory);
}

function linesAbout(verdict: Verdict, path: Path): string[] {
  return verdict.faults.map(findingLine).filter((line) => line.includes(`${showPath(path)} `));
}

/** Ignores errors about combinations of settings: rules.test.ts tests those. */
function assertAccepted(verdict: Verdict, path: Path): void {
  const objections = linesAbout(verdict, path).filter((line) => / (must be|unknown setting|is missing)/.test(line));
  assert.deepEqual(objections, []);
}

describe('every setting', () => {
  for (const { path, shape } of all) {
    test(`${showPath(path)} has a description and, if optional, a default that it accepts`, () => {
      const { description, expects, initial, bounds } = shape.meta;
      assert.match(description, /^[A-Z].*\.$/s);
      assert.ok(expects.length > 0);
      if (initial === undefined) return;
      const verdict = validateFile(fileWith(path, JSON.stringify(initial)).text);
      assertAccepted(verdict, path);
      if (bounds !== undefined)
        assert.equal(typeof valueAt(verdict.config ?? assert.fail(), configShape, path), 'number');
    });

    test(`${showPath(path)} is read from the file`, () => {
      const example = exampleOf(shape, path);
      const verdict = validateFile(fileWith(path, JSON.stringify(example)).text);
      assertAccepted(verdict, path);
      assert.deepEqual(
        valueAt(verdict.config ?? assert.fail(), configShape, path),
        shape.scalar === 'path' ? resolve(directory, String(example)) : loadedOf(shape, example),
      );
    });

    test(`a wrong type in ${showPath(path)} is reported at its line and column`, () => {
      const { text, line, column } = fileWith(path, '[]');
      assert.deepEqual(linesAbout(validateFile(text), path), [
        `gateway.yaml:${line}:${column}: ${showPath(path)} must be ${shape.meta.expects}, not a list`,
      ]);
    });
  }
});

describe('bounds', () => {
  for (const { path, shape } of numeric) {
    const { min, max, zero } = shape.meta.bounds ?? assert.fail();
    for (const value of zero ? [0, min, max] : [min, max]) {
      test(`${showPath(path)} may be ${spelled(shape.meta, value)}`, () => {
        const verdict = validateFile(fileWith(path, String(spelled(shape.meta, value))).text);
        assert.deepEqual(
          linesAbout(verdict, path).filter((line) => line.includes('must be a')),
          [],
        );
        assert.equal(valueAt(verdict.config ?? assert.fail(), configShape, path), value);
      });
    }
    const outside = [max + 1, min - 1].filter((value) => value !== 0 || !zero);
    for (const value of outside) {
      const written = value < 0 ? value : spelled(shape.meta, value);
      test(`${showPath(path)} may not be ${written}, and the message gives the allowed range`, () => {
        const { text, line, column } = fileWith(path, String(written));
        const [message] = linesAbout(validateFile(text), path);
        assert.ok(
          message?.startsWith(`gateway.yaml:${line}:${column}: ${showPath(path)} must be ${shape.meta.expects}, not`),
          String(message),
        );
      });
    }
  }

  for (const { path, shape } of all) {
    const { meta, scalar } = shape;
    if (meta.bounds !== undefined) continue;
    // Invalid for every text setting: a forbidden character, and too many of them.
    const wrong = scalar === 'flag' ? 'maybe' : '\0'.repeat(9000);
    test(`${showPath(path)} rejects arbitrary text`, () => {
      const { text, line, column } = fileWith(path, JSON.stringify(wrong));
      const [message = '', ...more] = linesAbout(validateFile(text), path);
      assert.deepEqual(more, []);
      assert.ok(
        message.startsWith(`gateway.yaml:${line}:${column}: ${showPath(path)} must be ${meta.expects}, not`),
        message,
      );
      assert.ok(message.length < 700 && !message.includes('\0'));
    });
    for (const word of meta.words ?? []) {
      test(`${showPath(path)} may be ${word}, also in capitals`, () => {
        const verdict = validateFile(fileWith(path, JSON.stringify(word.toUpperCase())).text);
        assert.equal(valueAt(verdict.config ?? assert.fail(), configShape, path), word);
      });
    }
  }
});

describe('the environment', () => {
  const validateWith = (name: string, text: string, file: string): Verdict => {
    const { root } = readYaml(file, 'gateway.yaml');
    const layer = readEnvironmentLayer(configShape, { [name]: text });
    assert.deepEqual(layer.warnings, []);
    for (const { path, node } of layer.values) put(root, path, node);
    return validate(root, new Set(), directory);
  };

  for (const { path, shape } of fixed) {
    const name = environmentName(path);
    const scalar = shape.kind === 'list' ? (shape.item as ScalarShape) : shape;
    test(`${name} overrides ${showPath(path)} of the file`, () => {
      const example = exampleOf(scalar, path);
      const { initial } = shape.meta;
      const file = fileWith(path, JSON.stringify(initial)).text;
      const verdict = validateWith(name, String(example), file);
      assertAccepted(verdict, path);
      const value = valueAt(verdict.config ?? assert.fail(), configShape, path);
      const expected = loadedOf(scalar, example);
      assert.deepEqual(value, shape.kind === 'list' ? [expected] : expected);
      assert.notDeepEqual(value, valueAt(validateFile(file).config ?? assert.fail(), configShape, path));
    });

    test(`a fault in ${name} is reported by that name`, () => {
      const wrong = scalar.scalar === 'flag' ? 'maybe' : '\0'.repeat(9000);
      const [message = '', ...more] = validateWith(name, wrong, '').faults.map(findingLine);
      const place = shape.kind === 'list' ? [...path, 0] : path;
      assert.deepEqual(more, []);
      assert.ok(message.startsWith(`${name}: ${showPath(place)} must be ${scalar.meta.expects}, not`), message);
    });
  }

  test('no two settings share a variable name', () => {
    const names = fixed.map(({ path }) => environmentName(path));
    assert.equal(new Set(names).size, names.length);
  });

  test('every scalar outside lists and maps has a variable name', () => {
    const outside = all.filter(({ path }) => path.every((step) => typeof step === 'string' && step !== entryName));
    const named = new Set(fixed.map(({ path }) => showPath(path)));
    assert.deepEqual(
      outside.map(({ path }) => showPath(path)).filter((path) => !named.has(path)),
      [],
    );
  });
});

test('the loaded configuration is deeply frozen and can be cloned to another thread', () => {
  const { config } = validateFile('leases: { "a-*": { headers: { request: { set: { X-A: b } } } } }');
  const check = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    assert.ok(Object.isFrozen(value));
    for (const inner of Object.values(value)) check(inner);
  };
  check(config);
  assert.deepEqual(structuredClone(config), config);
});

test('a property name carries its unit exactly once', () => {
  const names = all.map(({ path, shape }) => propertyName(String(path.at(-1)), shape));
  assert.ok(
    names.includes('readHeaderTimeoutMs') && names.includes('maxHeaderBytes') && names.includes('maxSizeBytes'),
  );
  assert.ok(!names.includes('maxHeaderBytesBytes'));
});

test('a list from the environment replaces the list of the file', () => {
  const { root } = readYaml('gateway: { trusted_proxies: [10.0.0.0/8, 10.1.0.0/16] }', 'f');
  const layer = readEnvironmentLayer(configShape, { GATEWAY_TRUSTED_PROXIES: ' ::1 ,127.0.0.1,' });
  for (const { path, node } of layer.values) put(root, path, node);
  assert.deepEqual(validate(root, new Set(), directory).config?.gateway.trustedProxies, ['::1', '127.0.0.1']);
  assert.equal(nodeAt(root, ['gateway', 'trusted_proxies', 1])?.origin.kind, 'environment');
});
