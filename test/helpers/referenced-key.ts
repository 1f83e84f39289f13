// Loads a configuration whose only API key refers to a secret, for tests of the sources of secrets.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { LoadResult } from '../../src/config/load/load.ts';
import type { TemporaryFault } from '../../src/kernel/errors/temporary-fault.ts';
import { faultLines, loadText, type TextOptions } from './config.ts';

export const secretMark = 'mark-of-a-secret';

export function loadKey(t: TestContext, reference: string, options: TextOptions): Promise<LoadResult> {
  return loadText(t, `auth: { keys: [{ id: one, key: "${reference}" }] }`, options);
}

export function assertKey(result: LoadResult, key: string = secretMark): void {
  assert.deepEqual(faultLines(result), []);
  assert.ok(result.ok);
  assert.deepEqual(
    result.config.auth.keys.map((entry) => entry.key),
    [key],
  );
}

/** `credential`: of the secret manager; neither it nor the secret may be in the result. */
export function assertKeyFault(result: LoadResult, says: string, credential: string, temporary?: TemporaryFault): void {
  const [line = '', ...more] = faultLines(result);
  assert.deepEqual(more, []);
  const hint = temporary === undefined ? '' : '; check that it runs and can be reached, then try again';
  assert.equal(line, `gateway.yaml:1:32: auth.keys[0].key ${says}${hint}`);
  assert.equal(result.ok ? undefined : result.faults[0]?.temporary, temporary);
  for (const secret of [secretMark, credential]) assert.ok(!JSON.stringify(result).includes(secret));
}
