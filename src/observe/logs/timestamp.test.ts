import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timestamp } from './timestamp.ts';

test('formats ISO 8601, whatever was formatted before', () => {
  const startMs = Date.parse('2026-12-31T23:59:58.000Z');
  for (const offsetMs of [0, 1, 9, 10, 99, 100, 999, 1_000, 500, 1_999, 2_000, 86_400_000, 3]) {
    assert.equal(timestamp(startMs + offsetMs), new Date(startMs + offsetMs).toISOString());
  }
});
