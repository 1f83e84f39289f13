import assert from 'node:assert/strict';
import { test } from 'node:test';
import { directoryOf, referenceBelow, type Place } from './below-prefix.ts';
import { cookieBelow } from './cookie-path.ts';

const place: Place = {
  prefix: '/peer/my%20app',
  root: '/peer/',
  host: 'my-app',
  client: { scheme: 'https', authority: 'gw.test:8443' },
  directory: '/docs/',
  base: '/docs/',
  bare: false,
  owns: undefined,
};

type Row = readonly [given: string, expected: string];

function references(rows: readonly Row[], at: Partial<Place> = {}): void {
  for (const [given, expected] of rows) assert.equal(referenceBelow(given, { ...place, ...at }), expected, given);
}

const same = (...given: readonly string[]): Row[] => given.map((text) => [text, text]);

test('puts a path of the app below the prefix, byte for byte', () => {
  references([
    ['/', '/peer/my%20app/'],
    ['/login?next=/a//b#c', '/peer/my%20app/login?next=/a//b#c'],
    ['/a%2Fb;v=1', '/peer/my%20app/a%2Fb;v=1'],
    ['/a..b/.c?/../d', '/peer/my%20app/a..b/.c?/../d'],
  ]);
});

test('turns a URL of the app, under any of its own names, into a path below the prefix', () => {
  references([
    ['http://my-app/x?y', '/peer/my%20app/x?y'],
    ['HTTPS://My-App:443/x', '/peer/my%20app/x'],
    ['http://my-app', '/peer/my%20app/'],
    ['http://my-app?y', '/peer/my%20app/?y'],
    ['//my-app:80/x', '/peer/my%20app/x'],
    ['https://gw.test:8443/login', '/peer/my%20app/login'],
  ]);
});

test('leaves other origins and non-paths unchanged', () => {
  references(
    same(
      'https://other.test/x',
      'http://my-app:3000/x',
      'http://my-app.test/x',
      'http://user@my-app/x',
      '//other.test/x',
      '///x',
      'mailto:a@b.test',
      'custom-scheme:x',
      '',
      '?page=2',
      '#top',
    ),
  );
});

test('leaves paths of an app that already applies the prefix unchanged', () => {
  references(same('/peer/my%20app', '/peer/my%20app/x', '/peer/my%20app?x', 'https://gw.test:8443/peer/my%20app/x'));
  references(same('https://gw.test:8443/peer/another/x'));
  // Only with X-Forwarded-Prefix: the client cannot reach the Host that the app received.
  references([['http://my-app/peer/my%20app/x', '/peer/my%20app/x']]);
  references([['/peer/my%20app2', '/peer/my%20app/peer/my%20app2']]);
});

test('keeps relative references relative, unless they would leave the prefix', () => {
  references(same('next', 'a/b?c=../d', 'x/y#../z', 'a..b', '.hidden'));
  references([
    ['../up', '/peer/my%20app/up'],
    ['../../../up/./x?../y', '/peer/my%20app/up/x?../y'],
    ['./here', '/peer/my%20app/docs/here'],
    ['%2E%2e/up', '/peer/my%20app/up'],
    ['..', '/peer/my%20app/'],
    ['/../../x/..', '/peer/my%20app/'],
    ['/a/%2e%2E/b/.', '/peer/my%20app/b/'],
  ]);
});

test('no reference climbs out of the prefix, however clients read dots', () => {
  references([
    ['/..\\..\\x', '/peer/my%20app/x'],
    ['..\\../..\\x', '/peer/my%20app/x'],
    ['\\x', '/peer/my%20app/x'],
    ['/.\t./%\t2e./x?\t', '/peer/my%20app/x?\t'],
    ['/peer/my%20app/../../x', '/peer/my%20app/x'],
    ['/peer/my%20app/../another/', '/peer/my%20app/peer/another/'],
    ['http://my-app/peer/../x', '/peer/my%20app/x'],
    ['https://gw.test:8443/peer/..\\x', '/peer/my%20app/x'],
  ]);
  // Browsers treat this as another origin.
  references(same('\\\\other.test/x', '\\/other.test/x'));
});

test("makes relative references absolute if the client's path ends with the lease", () => {
  const at = { bare: true, base: directoryOf('/?q=/x') };
  references(
    [['next?y', '/peer/my%20app/next?y'], ['./next', '/peer/my%20app/next'], ...same('?page=2', '#top', '')],
    at,
  );
});

test('puts a cookie’s path below the prefix and removes its domain', () => {
  const rows: readonly Row[] = [
    ['a=b; Path=/', 'a=b; Path=/peer/my%20app'],
    ['a=b; path=/x; HttpOnly', 'a=b; Path=/peer/my%20app/x; HttpOnly'],
    ['a=b;PATH = /x/ ;Secure', 'a=b; Path=/peer/my%20app/x/;Secure'],
    ['a=b; Domain=.my-app; SameSite=Lax; Path=/', 'a=b; SameSite=Lax; Path=/peer/my%20app'],
    [
      'a="x,y"; Path=/; Expires=Wed, 21 Oct 2026 07:28:00 GMT',
      'a="x,y"; Path=/peer/my%20app; Expires=Wed, 21 Oct 2026 07:28:00 GMT',
    ],
    ['a=b; Path=/peer/my%20app/x', 'a=b; Path=/peer/my%20app/x'],
    ['path=/secret; domain', 'path=/secret; Path=/peer/my%20app/docs'],
  ];
  for (const [given, expected] of rows) assert.equal(cookieBelow(given, place), expected, given);
});

test('gives a cookie without a path the directory of the request, as the app means it', () => {
  const rows: readonly [target: string, path: string][] = [
    ['/', '/peer/my%20app'],
    ['/login', '/peer/my%20app'],
    ['/docs/page', '/peer/my%20app/docs'],
    ['/docs/', '/peer/my%20app/docs'],
    ['/?x=/a/b', '/peer/my%20app'],
  ];
  for (const [target, path] of rows) {
    assert.equal(cookieBelow('a=b', { ...place, directory: directoryOf(target) }), `a=b; Path=${path}`, target);
    assert.equal(cookieBelow('a=b; Path=x', { ...place, directory: directoryOf(target) }), `a=b; Path=${path}`, target);
  }
});

test('a prefix or a directory cannot end the attribute that contains it', () => {
  const hostile = { ...place, directory: `${place.prefix}/;Domain=b/` };
  assert.equal(cookieBelow('a=b', hostile), `a=b; Path=${place.prefix}/%3BDomain=b`);
  assert.equal(cookieBelow('a=b; Path=/', { ...place, prefix: '/peer/a;Domain=b' }), 'a=b; Path=/peer/a%3BDomain=b');
});

test("leaves a cookie for a directory too long for browsers to the browser's default", () => {
  const directory = `/${'a'.repeat(2_000)}/`;
  for (const cookie of ['a=b', 'a=b; Path=x', 'a=b; path=/y; path']) {
    assert.equal(cookieBelow(`${cookie}; Secure`, { ...place, directory }), 'a=b; Secure', cookie);
  }
  assert.equal(cookieBelow('a=b; Path=/x', { ...place, directory }), `a=b; Path=${place.prefix}/x`);
});

test('uses the last of several paths of a cookie', () => {
  assert.equal(cookieBelow('a=b; Path=/x; Secure; Path=/y', place), `a=b; Path=${place.prefix}/y; Secure`);
});

/** The app receives the prefix; `/peer/ID` is the lease, too. */
const kept: Partial<Place> = {
  base: '/peer/my%20app/docs/',
  owns: (path) => /^\/peer\/(?:my%20app|ID)(?:$|[/?#])/.test(path),
};

test('an app that receives the prefix: paths of the client stay, others are moved below the prefix', () => {
  references(
    [
      ...same('/peer/my%20app', '/peer/my%20app/', '/peer/my%20app/login?next=/a', '/peer/my%20app?x', '/peer/ID/x'),
      ...same('/peer/other/x', 'next', 'peer/my%20app/x', '?page=2', '#top', 'https://gw.test:8443/peer/my%20app/x'),
      ['http://my-app/peer/my%20app/x', '/peer/my%20app/x'],
      ['http://my-app/x', '/peer/my%20app/x'],
      ['/', '/peer/my%20app/'],
      ['/login', '/peer/my%20app/login'],
      ['/peer', '/peer/my%20app/peer'],
      ['../x', '/peer/my%20app/x'],
      ['../../../x', '/peer/my%20app/x'],
      ['/peer/../x', '/peer/my%20app/x'],
      ['/peer/my%20app/%2e%2e/..\\x', '/peer/my%20app/x'],
      ['\\peer\\my%20app', '/peer/my%20app/peer\\my%20app'],
    ],
    kept,
  );
});

test('an app that receives the prefix without a slash: a relative reference stays in the app', () => {
  references(
    [
      ['my%20app/', '/peer/my%20app/'],
      ['my%20app/x?y', '/peer/my%20app/x?y'],
      ['./my%20app/x', '/peer/my%20app/x'],
      ['ID/x', '/peer/ID/x'],
      ['next', '/peer/my%20app/next'],
      ['../next', '/peer/my%20app/next'],
      ['other/../my%20app/x', '/peer/my%20app/x'],
    ],
    { ...kept, base: '/peer/', bare: true },
  );
});

test('an app that receives the prefix: cookies stay below a prefix of the app', () => {
  const rows = [
    ['a=b', '/peer/my%20app/docs'],
    ['a=b; Path=', '/peer/my%20app/docs'],
    ['a=b; Path=/', '/peer/my%20app'],
    ['a=b; Path=/peer', '/peer/my%20app/peer'],
    ['a=b; Path=/peer/', '/peer/my%20app/peer/'],
    ['a=b; Path=/peer/my%20app', '/peer/my%20app'],
    ['a=b; Path=/peer/my%20app/', '/peer/my%20app/'],
    ['a=b; Path=/peer/my%20app/x', '/peer/my%20app/x'],
    ['a=b; Path=/peer/ID/', '/peer/ID/'],
    ['a=b; Path=/peer/my%20application', '/peer/my%20app/peer/my%20application'],
    ['a=b; Path=/peer/other', '/peer/my%20app/peer/other'],
  ] as const;
  for (const [cookie, path] of rows) {
    assert.equal(cookieBelow(cookie, { ...place, ...kept }), `a=b; Path=${path}`, cookie);
  }
});
