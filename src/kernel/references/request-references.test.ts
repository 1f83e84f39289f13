import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mapRequestReferences, type RequestReferenceMap } from './request-references.ts';

const map: RequestReferenceMap = {
  origin: ({ authority }) => (authority === 'gw.test' ? 'http://app' : undefined),
  page: (url) => url.replace('gw.test', 'app'),
  resource: (reference) => reference.replace('https://gw.test', ''),
};

test('maps each field according to what it names, and leaves other fields unchanged', () => {
  const headers = [
    ...['ORIGIN', 'https://gw.test', 'Referer', 'https://gw.test/x', 'Destination', 'https://gw.test/y'],
    ...['If', '<https://gw.test/y> (<urn:uuid:1>)', 'X-Url', 'https://gw.test/z', 'Te', 'https://gw.test'],
  ];
  assert.deepEqual(mapRequestReferences(headers, map), [
    ...['ORIGIN', 'http://app', 'Referer', 'https://app/x', 'Destination', '/y'],
    ...['If', '</y> (<urn:uuid:1>)', 'X-Url', 'https://gw.test/z', 'Te', 'https://gw.test'],
  ]);
  const others = ['Origin', 'null', 'Referer', 'https://other.test/', 'If', '(<urn:uuid:1>)', 'Host', 'gw.test'];
  assert.equal(mapRequestReferences(others, map), others);
});

test('maps resource tags of If, but not lock tokens and entity tags', () => {
  for (const [value, mapped] of [
    ['<https://gw.test/a> (<https://gw.test/token>)', '</a> (<https://gw.test/token>)'],
    [
      '<https://gw.test/a>(Not <t> ["e)<https://gw.test/x>"]) <https://gw.test/b>(<t>)',
      '</a>(Not <t> ["e)<https://gw.test/x>"]) </b>(<t>)',
    ],
    ['(<https://gw.test/token>', '(<https://gw.test/token>'],
    ['<https://gw.test/a', '<https://gw.test/a'],
  ] as const) {
    assert.deepEqual(mapRequestReferences(['If', value], map), ['If', mapped]);
  }
});

test('any value takes linear time', () => {
  const startedMs = performance.now();
  for (const part of ['<', '(', ')', '"', '("', '("(")', '<>', '<a>', '()']) {
    for (const start of ['', '(', '<']) mapRequestReferences(['If', start + part.repeat(65_536 / part.length)], map);
  }
  assert.ok(performance.now() - startedMs < 1_000);
});
