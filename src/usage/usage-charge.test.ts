import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { tokensOf } from '../../test/helpers/model-responses.ts';
import type { LlmTokens } from '../kernel/events.ts';
import type { QuotasPolicy } from '../policy/policy.ts';
import { chargeReported, chargeUsage, tokenClasses, type UsageFacts, type UsageRules } from './usage-charge.ts';
import { noTokens } from './token-counts.ts';

const rules: UsageRules = {
  ...{ count: ['input', 'cache_write', 'output', 'reasoning'], unknownUsage: 'estimate', maxTokensPerResponse: 1_000 },
};

function factsOf(more: Partial<UsageFacts>): UsageFacts {
  return {
    ...{ reported: undefined, reportsOutput: more.reported !== undefined, isModel: true, complete: true },
    ...{ requestTextBytes: 400, textBytes: 200, unreportedTextBytes: more.reported === undefined ? 200 : 0 },
    ...{ decodedBytes: 500, hidesOutput: false },
    ...more,
  };
}

function charge(more: Partial<UsageFacts>, unknownUsage: QuotasPolicy['unknownUsage'] = 'estimate') {
  return chargeUsage(factsOf(more), { ...rules, unknownUsage });
}

describe('reported usage', () => {
  test('is charged unchanged within the limits', () => {
    const reported = tokensOf({ input: 100, cache_read: 5_00, cache_write: 7, output: 50, reasoning: 60 });
    assert.deepEqual(charge({ reported }), {
      ...{ reported, estimated: noTokens, charged: 217, suspicious: false, unknown: undefined },
    });
  });

  test('is limited: visible output by the bytes of the response, the rest and the sum by the setting', () => {
    const table: readonly (readonly [Partial<LlmTokens>, Partial<LlmTokens>, number])[] = [
      [{ output: 1e9 }, { output: 500 }, 500],
      [{ output: 501 }, { output: 500 }, 500],
      [{ input: 1e9 }, { input: 1_000 }, 1_000],
      [{ cache_read: 1e9 }, { cache_read: 1_000 }, 0],
      [{ cache_write: 1e9 }, { cache_write: 1_000 }, 1_000],
      [{ reasoning: 1e9 }, { reasoning: 1_000 }, 1_000],
      [{ input: 600, reasoning: 600 }, { input: 600, reasoning: 600 }, 1_000],
    ];
    for (const [reported, tokens, charged] of table) {
      const result = charge({ reported: tokensOf(reported) });
      assert.deepEqual(result.reported, tokensOf(tokens));
      assert.deepEqual([result.charged, result.suspicious], [charged, true], JSON.stringify(reported));
    }
  });

  test('is limited by the setting only, if output is hidden or was not fully read', () => {
    const reported = tokensOf({ output: 900 });
    assert.deepEqual([charge({ reported }).charged, charge({ reported }).suspicious], [500, true]);
    for (const more of [{ hidesOutput: true }, { decodedBytes: Infinity }]) {
      const { charged, suspicious } = charge({ reported, ...more });
      assert.deepEqual([charged, suspicious], [900, false]);
    }
  });

  test('counts the classes of the setting once each', () => {
    const reported = tokensOf({ input: 1, cache_read: 2, cache_write: 4, output: 8, reasoning: 16 });
    for (const [count, charged] of [
      [['cache_read'], 2],
      [['output', 'output'], 8],
      [[], 0],
      [tokenClasses, 31],
    ] as const) {
      assert.equal(chargeUsage(factsOf({ reported }), { ...rules, count }).charged, charged);
    }
  });
});

describe('unreported usage', () => {
  test('is estimated as a quarter of the bytes of request and response text', () => {
    const { estimated, charged, unknown } = charge({ textBytes: 201 });
    assert.deepEqual([estimated, charged, unknown], [tokensOf({ input: 100, output: 51 }), 151, 'estimated']);
  });

  test('is never estimated above the limit of one response', () => {
    const { charged, estimated } = charge({ requestTextBytes: 1e12, textBytes: Infinity });
    assert.deepEqual([charged, estimated], [1_000, tokensOf({ input: 1_000, output: 1_000 })]);
  });

  test('is denied or ignored, depending on the setting', () => {
    assert.deepEqual([charge({}, 'deny').unknown, charge({}, 'deny').charged], ['denied', 0]);
    assert.deepEqual([charge({}, 'ignore').unknown, charge({}, 'ignore').charged], ['ignored', 0]);
  });

  test('of a cut response is estimated instead of denied, since the client kept the app from reporting', () => {
    const { unknown, charged } = charge({ complete: false }, 'deny');
    assert.deepEqual([unknown, charged], ['estimated', 150]);
  });

  test('is output after the last report, or output that no report covers', () => {
    const reported = tokensOf({ input: 25, output: 1 });
    const later = charge({ reported, complete: false, unreportedTextBytes: 120 });
    assert.deepEqual([later.estimated, later.charged], [tokensOf({ output: 30 }), 56]);
    const inputOnly = charge({ reported: tokensOf({ input: 25 }), reportsOutput: false });
    assert.deepEqual([inputOnly.estimated, inputOnly.charged], [tokensOf({ output: 50 }), 75]);
    const denied = charge({ reported, unreportedTextBytes: 2_000 }, 'deny');
    assert.deepEqual([denied.unknown, denied.charged], ['denied', 26]);
  });

  test('does not include the few bytes that proxies write after the report of a complete response', () => {
    const reported = tokensOf({ input: 25, output: 10 });
    assert.equal(charge({ reported, unreportedTextBytes: 256 }, 'deny').unknown, undefined);
    assert.equal(charge({ reported, unreportedTextBytes: 257 }, 'deny').unknown, 'denied');
  });

  test('of non-model responses costs nothing', () => {
    assert.deepEqual(charge({ isModel: false }, 'deny').unknown, undefined);
    assert.equal(charge({ isModel: false }).charged, 0);
  });
});

test('for any report, no response is charged above the limit, and the final charge is never below interim ones', () => {
  const number = fc.oneof(fc.nat(2_000), fc.constant(1e12));
  const tokens = fc.record({
    ...{ input: number, cache_read: number, cache_write: number, output: number, reasoning: number },
  });
  const property = fc.property(
    fc.option(tokens, { nil: undefined }),
    fc.record({ requestTextBytes: number, textBytes: number, unreportedTextBytes: number, decodedBytes: number }),
    fc.record({
      isModel: fc.boolean(),
      complete: fc.boolean(),
      hidesOutput: fc.boolean(),
      reportsOutput: fc.boolean(),
    }),
    fc.constantFrom('estimate', 'deny', 'ignore'),
    (reported, bytes, flags, unknownUsage) => {
      const facts = { reported, ...bytes, ...flags };
      const all = chargeUsage(facts, { ...rules, unknownUsage });
      assert.ok(all.charged <= rules.maxTokensPerResponse);
      assert.ok(all.charged >= chargeReported(facts, rules).charged);
      if (!flags.hidesOutput) assert.ok(all.reported.output <= bytes.decodedBytes);
      for (const name of tokenClasses) assert.ok(all.reported[name] <= rules.maxTokensPerResponse);
      if (reported !== undefined && all.reported.input < reported.input) assert.equal(all.suspicious, true);
    },
  );
  fc.assert(property, { numRuns: 500 });
});
