// Keys of the gateway in headers for the app, in shapes that no strict parser reads: none reaches
// the app, and every other value reaches it unchanged.
import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { test, type TestContext } from 'node:test';
import { hash } from 'node:crypto';
import { hashSync } from 'bcryptjs';
import fc from 'fast-check';
import { createApiKey, prefixCharacters } from '../../src/auth/api-key.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { startPlainGateway, type PlainGateway } from '../helpers/plain-gateway.ts';
import { testKey, testLease } from '../helpers/policy.ts';

const hashed = createApiKey('live');
const foreign = 'made-elsewhere-0123456789';
const inPlain = createApiKey('test');
const random = '0f9e8d7c6b5a49382716f5e4d3c2b1a00f9e8d7c6b5a4938';
/** As `openssl rand -base64 32` makes them. */
const padded = 'q3+Zk/9xTt1mB7vWcE0yRr8uLp5oJs2dFhAaXnQiGgU=';
const punctuated = 'some words: and, <three>=4';

const bcrypt = (key: string, prefixLength: number): ReturnType<typeof testKey>['secret'] => ({
  ...{ kind: 'bcrypt', bcrypt: hashSync(key, 4), prefix: key.slice(0, prefixLength) },
});
const keys = [
  testKey({ id: 'hashed', secret: bcrypt(hashed, prefixCharacters) }),
  testKey({ id: 'foreign', secret: bcrypt(foreign, 8) }),
  ...[inPlain, random, padded, punctuated].map((key, i) =>
    testKey({ id: `plain-${i}`, secret: { kind: 'digest', sha256: hash('sha256', key) } }),
  ),
];

/** Rejected keys at this rate are not throttled: with 429 for all, no value would reach an app. */
const betweenAttemptsMs = 5_000;

interface Received {
  readonly status: number;
  readonly authorization: string | undefined;
  readonly apiKey: string | undefined;
}

/** Ways to a lease on which the app gets headers with credentials of its own. */
const ways: Readonly<Record<string, (gateway: PlainGateway, headers: readonly string[]) => Promise<Received>>> = {
  'an open lease': (gateway, headers) => call(gateway, '/peer/open/', headers),
  'an open lease with credentials: app': (gateway, headers) => call(gateway, '/peer/apps/', headers),
  'beside X-Gateway-Key': (gateway, headers) => call(gateway, '/peer/app/', ['X-Gateway-Key', hashed, ...headers]),
  'beside X-Gateway-Key, with credentials: app': (gateway, headers) =>
    call(gateway, '/peer/apps/', ['X-Gateway-Key', hashed, ...headers]),
};

async function start(t: TestContext): Promise<PlainGateway> {
  const show = ({ headers }: IncomingMessage, response: ServerResponse): void => {
    response.end(JSON.stringify({ authorization: headers.authorization, apiKey: headers['x-api-key'] }));
  };
  let passedMs = 0;
  const gateway = await startPlainGateway(t, show, {
    clock: { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + passedMs },
    policy: {
      auth: { keys, basic: true },
      acl: { app: ['*'], open: ['anonymous'], apps: ['anonymous'] },
      leases: { apps: testLease({ credentials: 'app' }) },
    },
  });
  const { port } = gateway.app.address() as { port: number };
  for (const name of ['open', 'apps']) gateway.transport.publish({ name, port });
  return {
    ...gateway,
    call: (path, request) => {
      passedMs += betweenAttemptsMs;
      return gateway.call(path, request);
    },
  };
}

async function call(gateway: PlainGateway, path: string, headers: readonly string[]): Promise<Received> {
  const { status, text } = await gateway.call(path, { headers });
  const seen = status === 200 ? (JSON.parse(text) as Omit<Received, 'status'>) : {};
  return { authorization: undefined, apiKey: undefined, ...seen, status };
}

const base64 = (text: string, encoding: BufferEncoding = 'utf8'): string =>
  Buffer.from(text, encoding).toString('base64');
const spaced = (text: string, every: number): string => text.replaceAll(new RegExp(`.{${every}}`, 'g'), '$& ').trim();

const encodings: Readonly<Record<string, (text: string) => string>> = {
  plain: (text) => text,
  quoted: (text) => `"${text}"`,
  base64,
  base64url: (text) => Buffer.from(text).toString('base64url'),
  'too much padding': (text) => `${base64(text).replaceAll('=', '')}====`,
  UTF16: (text) => base64(text, 'utf16le'),
  twice: (text) => base64(base64(text)),
  'percent-encoded': (text) => encodeURIComponent(base64(text)),
  'percent-encoded text': (text) => encodeURIComponent(text),
  lines: (text) => spaced(base64(text), 76),
  spaced: (text) => spaced(base64(text), 5),
};
const texts: Readonly<Record<string, (key: string, user: string) => string>> = {
  key: (key) => key,
  password: (key, user) => `${user}:${key}`,
  user: (key) => `${key}:`,
  'second password': (key, user) => `${user}:x:${key}`,
  'with a line end': (key, user) => `${user}:${key}\n`,
  long: (key) => `${'u'.repeat(5_000)}:${key}`,
};
const fields: Readonly<Record<string, (text: string) => string>> = {
  alone: (text) => text,
  Basic: (text) => `Basic ${text}`,
  'lower case': (text) => `basic\t  ${text}`,
  Bearer: (text) => `Bearer ${text}`,
  'joined before': (text) => `Basic ${text}, x`,
  'joined behind': (text) => `Basic dTpw, Basic ${text}`,
  parameter: (text) => `Token realm="a", token="${text}"`,
  misspelled: (text) => `Basic: ${text}`,
};

const named = <Value>(table: Readonly<Record<string, Value>>): fc.Arbitrary<[string, Value]> =>
  fc.constantFrom(...Object.entries(table));

test('no key reaches an app in Authorization or X-API-Key, however it is mangled', async (t) => {
  const gateway = await start(t);
  const mangled = fc.tuple(
    fc.constantFrom(hashed, foreign, inPlain, random, padded, punctuated),
    fc.constantFrom('any', '', 'ü', 'a:b', 'x'.repeat(7)),
    ...[named(texts), named(encodings), named(fields), named(ways)],
    fc.constantFrom('Authorization', 'X-API-Key'),
  );
  await fc.assert(
    fc.asyncProperty(mangled, async ([key, user, [, text], [, encode], [, field], [way, send], name]) => {
      const value = field(encode(text(key, user))).replaceAll(/[\r\n]/g, ' ');
      const received = await send(gateway, [name, Buffer.from(value).toString('latin1')]);
      assert.deepEqual([received.authorization, received.apiKey], [undefined, undefined]);
      // On an open lease the value is rejected, also as two keys in one, or is a key as it should
      // be sent.
      if (way !== 'an open lease') assert.equal(received.status, 200);
      else assert.ok([200, 400, 401].includes(received.status), String(received.status));
    }),
    { numRuns: 400 },
  );
});

test('a key that is recognised by its beginning is withheld also when its end is cut or followed by more', async (t) => {
  const gateway = await start(t);
  for (const key of [hashed, foreign]) {
    for (const text of [`any:${key.slice(0, -1)}`, `any:${key}more`, `more${key}`]) {
      for (const value of [
        `Basic ${base64(text)}`,
        `Basic ${base64(text)}A`,
        `Basic ${base64(text).slice(0, -3)}`,
        text,
      ]) {
        for (const [way, send] of Object.entries(ways)) {
          const { status, authorization } = await send(gateway, ['Authorization', value]);
          assert.deepEqual([status, authorization], [way === 'an open lease' ? 401 : 200, undefined], value);
        }
      }
    }
  }
});

test('no key reaches an app under a name that CGI apps read as X-API-Key, and none is accepted there', async (t) => {
  const gateway = await start(t);
  const seen: string[] = [];
  gateway.app.prependListener('request', ({ rawHeaders }: IncomingMessage) => {
    seen.push(...rawHeaders.filter((_, i) => rawHeaders[i - 1]?.toLowerCase().startsWith('x_api') === true));
  });
  for (const name of ['X_API_Key', 'x_api-KEY']) {
    assert.equal((await call(gateway, '/peer/app/', [name, hashed])).status, 401);
    for (const send of Object.values(ways)) {
      for (const value of [hashed, base64(hashed), 'of the app'])
        assert.equal((await send(gateway, [name, value])).status, 200);
    }
  }
  assert.deepEqual(new Set(seen), new Set(['of the app']));
});

test('values without a key reach the app byte for byte', async (t) => {
  const gateway = await start(t);
  const stripe = `sk_live_51${'aB3'.repeat(33)}`;
  const value = fc.oneof(
    fc.constantFrom(
      ...[`Bearer ${stripe}`, `Basic ${base64(`${stripe}:`)}`, `Basic ${base64('user:päss:wörd')}`, 'Basic dTpw, x'],
      ...['Basic', 'Negotiate YIIZ==', 'Digest username="a", realm="b:c", response="0f9e"', 'AWS4-HMAC-SHA256 a=b/c'],
      ...[
        'Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJzayJ9.c2ln',
        'Bearer %41%ff%',
        `Basic ${base64('sk_live_:sk_test_')}`,
      ],
    ),
    fc.base64String({ maxLength: 200 }).map((text) => `Basic ${text}`),
    fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 200 }).map((text) => `X ${text}`.trim()),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => `Basic ${Buffer.from(bytes).toString('base64')}`),
  );
  await fc.assert(
    fc.asyncProperty(value, named(ways), async (sent, [, send]) => {
      const { status, authorization } = await send(gateway, ['Authorization', sent]);
      assert.deepEqual([status, authorization], [200, sent.trim()]);
    }),
    { numRuns: 300 },
  );
});
