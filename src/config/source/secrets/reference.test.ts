import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseReference, type Reference } from './reference.ts';
import { SecretError } from './secret-error.ts';

const references: readonly (readonly [string, Reference])[] = [
  ['a-key', { kind: 'plain', text: 'a-key' }],
  ['$HOME costs $5', { kind: 'plain', text: '$HOME costs $5' }],
  ['$${NAME}', { kind: 'plain', text: '${NAME}' }],
  ['a$${b}c$${', { kind: 'plain', text: 'a${b}c${' }],
  ['${NAME}', { kind: 'environment', parts: ['', 'NAME', ''] }],
  ['a ${B} c ${_d2}', { kind: 'environment', parts: ['a ', 'B', ' c ', '_d2', ''] }],
  ['$${A}${B}', { kind: 'environment', parts: ['${A}', 'B', ''] }],
  ['$$ ${B}', { kind: 'environment', parts: ['$$ ', 'B', ''] }],
  ['file:/run/secrets/key', { kind: 'source', scheme: 'file', path: '/run/secrets/key', field: undefined }],
  ['file:${NAME}', { kind: 'source', scheme: 'file', path: '${NAME}', field: undefined }],
  ['vault:secret/gateway#key', { kind: 'source', scheme: 'vault', path: 'secret/gateway', field: 'key' }],
  ['vault:secret/a#b#key', { kind: 'source', scheme: 'vault', path: 'secret/a#b', field: 'key' }],
  ['aws-sm:gateway/keys#one', { kind: 'source', scheme: 'aws-sm', path: 'gateway/keys', field: 'one' }],
  ['aws-sm:gateway', { kind: 'source', scheme: 'aws-sm', path: 'gateway', field: undefined }],
  [
    'aws-sm:arn:aws:secretsmanager:eu-central-1:123456789012:secret:gw-AbCdEf#key',
    {
      kind: 'source',
      scheme: 'aws-sm',
      path: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:gw-AbCdEf',
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
