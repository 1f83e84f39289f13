import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testKey } from '../../test/helpers/policy.ts';
import { assertShortTurns, turnCpuOf } from '../../test/helpers/turn-cpu.ts';
import { KeyRing } from './key-ring.ts';

function ringOf(prefixes: readonly string[]): KeyRing {
  return new KeyRing(
    prefixes.map((prefix, i) => testKey({ id: `key-${i}`, secret: { kind: 'bcrypt', bcrypt: `hash ${i}`, prefix } })),
  );
}

test('finds a prefix anywhere in a text', () => {
  const ring = ringOf(['made-elsewhere', 'made-else', 'sk_live_0123456789abcdef']);
  for (const text of ['xmade-elsey', 'made-elsewhere', 'x sk_live_0123456789abcdef']) assert.ok(ring.hasPrefixIn(text));
  for (const text of ['', 'made', 'made-elsmade-els', 'sk_live_0123456789abcde']) assert.ok(!ring.hasPrefixIn(text));
  assert.ok(!ringOf([]).hasPrefixIn('made-elsewhere'));
});

test('a long header that consists of beginnings of prefixes takes no longer', async (t) => {
  const bytes = 62_000;
  const foreign = Array.from({ length: 50 }, (_, i) => `preaaaaa${'a'.repeat(i % 20)}${i}`);
  const own = Array.from({ length: 1_000 }, (_, i) => `sk_live_${String(i).padStart(16, '0')}`);
  const periodic = Array.from({ length: 10 }, (_, i) => `${'a'.repeat(8 + i)}b${i}b`);
  for (const [prefixes, part] of [
    [[...foreign, ...own], 'sk_'],
    [[...foreign, ...own], 'sk_live_'],
    [foreign, 'pre'],
    [foreign, 'preaaaaa'],
    [periodic, 'a'],
  ] as const) {
    const ring = ringOf(prefixes);
    const text = part.repeat(bytes / part.length);
    await assertShortTurns(t, `a search in ${part}${part}…`, async () => {
      const { maxMs } = await turnCpuOf(() => {
        assert.ok(!ring.hasPrefixIn(text));
        return Promise.resolve();
      });
      return maxMs;
    });
  }
});
