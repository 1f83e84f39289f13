// Loads a configuration whose only key comes from a secret manager, and checks the result.
import assert from 'node:assert/strict';
import type { LoadResult } from '../../src/config/load/load.ts';
import { faultLines } from './config.ts';

/** Checks the key of the only entry of `auth.keys`. */
export function assertKey(result: LoadResult, key: string): void {
  assert.deepEqual(faultLines(result), []);
  assert.ok(result.ok);
  assert.deepEqual(
    result.config.auth.keys.map((entry) => entry.key),
    [key],
  );
}

/** Checks for one fault at that key, in a result that shows none of `secrets`. */
export function assertKeyFault(result: LoadResult, says: string, secrets: readonly string[]): void {
  const [line = '', ...more] = faultLines(result);
  assert.deepEqual(more, []);
  assert.equal(line, `gateway.yaml:1:32: auth.keys[0].key ${says}`);
  for (const secret of secrets) assert.ok(!JSON.stringify(result).includes(secret));
}
