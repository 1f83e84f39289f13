import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseReference, type Reference, SecretError } from './reference.ts';

const references: readonly (readonly [string, Reference])[] = [
  ['a-key', { kind: 'plain', text: 'a-key' }],
  ['$HOME costs $5', { kind: 'plain', text: '$HOME costs $5' }],
  ['$${NAME}', { kind: 'plain', text: '${NAME}' }],
  ['a$${b}c$${', { kind: 'plain', text: 'a${b}c${' }],
  ['${NAME}', { kind: 'environment', parts: ['', 'NAME', ''] }],
  ['a ${B} c ${_d2}', { kind: 'environment', parts: ['a ', 'B', ' c ', '_d2', ''] }],
  ['$${A}${B}', { kind: 'environment', parts: ['${A}', 'B', ''] }],
  ['$$ ${B}', { kind: 'environment', parts: ['$$ ', 'B', ''] }],
  ['file:/run/secrets/key', { kind: 'file', path: '/run/secrets/key' }],
  ['file:${NAME}', { kind: 'file', path: '${NAME}' }],
  ['vault:secret/gateway#key', { kind: 'vault', path: 'secret/gateway', field: 'key' }],
  ['vault:secret/a#b#key', { kind: 'vault', path: 'secret/a#b', field: 'key' }],
  ['aws-sm:gateway/keys#one', { kind: 'aws-sm', name: 'gateway/keys', field: 'one' }],
  ['aws-sm:gateway', { kind: 'aws-sm', name: 'gateway', field: undefined }],
  [
    'aws-sm:arn:aws:secretsmanager:eu-central-1:123456789012:secret:gw-AbCdEf#key',
    {
      kind: 'aws-sm',
      name: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:gw-AbCdEf',
      field: 'key',
    },
  ],
  ['File:a', { kind: 'plain', text: 'File:a' }],
];

describe('classifies', () => {
  for (const [text, reference] of references) {
    test(`${text} -> ${reference.kind}`, () => {
      assert.deepEqual(parseReference(text), reference);
    });
  }
});

describe('rejects a malformed reference instead of taking it as text', () => {
  for (const text of [
    ...['${', '${}', '${A', '${A-B}', '${A:-b}', '${1A}', '${ A }', 'x ${A} ${B.C}', '$${A} ${'],
    ...['file:', 'file:a\0b', 'vault:', 'vault:a', 'vault:#a', 'vault:a#', 'aws-sm:', 'aws-sm:#a', 'aws-sm:a#'],
  ]) {
    test(JSON.stringify(text), () => {
      assert.throws(() => parseReference(text), SecretError);
    });
  }
});
