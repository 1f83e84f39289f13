import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isCrossSiteUse } from './cross-site.ts';

const own = 'my-app.localhost:8080';
const link = ['Sec-Fetch-Site', 'cross-site', 'Sec-Fetch-Mode', 'navigate', 'Sec-Fetch-Dest', 'document'];

type Case = readonly [
  why: string,
  method: string,
  headers: readonly string[],
  isRefused: boolean,
  more?: { upgrade?: boolean; authority?: string; scheme?: 'http' | 'https' },
];

/** What browsers send for each way in which a page causes a read. */
function reads(): readonly Case[] {
  const rows: readonly (readonly [mode: string, dest: string, fromSite: boolean, fromAnywhere: boolean])[] = [
    ['navigate', 'document', true, true],
    ['navigate', 'iframe', true, false],
    ['navigate', 'embed', true, false],
    ['no-cors', 'image', true, false],
    ['no-cors', 'script', true, false],
    ['no-cors', 'empty', true, false],
    ['cors', 'empty', false, false],
    ['cors', 'image', false, false],
    ['same-origin', 'worker', false, false],
    ['websocket', 'websocket', false, false],
    ['', '', false, false],
    ['navigate, cors', 'document', false, false],
    ['cors', 'document', false, false],
  ];
  return rows.flatMap(([mode, dest, fromSite, fromAnywhere]) =>
    ['GET', 'HEAD'].flatMap((method): Case[] => {
      const fields = ['Sec-Fetch-Mode', mode, 'Sec-Fetch-Dest', dest];
      const why = `${method} for ${dest} in mode ${mode}`;
      return [
        [`${why} from the site`, method, ['Sec-Fetch-Site', 'same-site', ...fields], !fromSite],
        [`${why} from another site`, method, ['Sec-Fetch-Site', 'cross-site', ...fields], !fromAnywhere],
        [`${why} from the origin`, method, ['Sec-Fetch-Site', 'same-origin', ...fields], false],
        [`${why} from nowhere`, method, ['Sec-Fetch-Site', 'none', ...fields], false],
      ];
    }),
  );
}

describe('uses of a stored credential', () => {
  const cases: readonly Case[] = [
    ...reads(),
    ['OPTIONS of another site', 'OPTIONS', ['Sec-Fetch-Site', 'cross-site', 'Sec-Fetch-Mode', 'cors'], true],
    ['OPTIONS from another origin', 'OPTIONS', ['Origin', 'http://evil.example'], true],
    ['a read of the own page', 'GET', ['Sec-Fetch-Site', 'same-origin', 'Sec-Fetch-Mode', 'cors'], false],
    ['a read of the own page with its origin', 'GET', ['Origin', `http://${own}`], false],
    ['a read that another page may see', 'GET', ['Origin', 'http://other.localhost:8080'], true],
    ['a read of a sandboxed page', 'GET', ['Origin', 'null'], true],
    ['a read of a program', 'GET', [], false],
    ['a link of an old browser', 'GET', ['Referer', 'http://evil.example/'], false],
    ['a write of an old browser from another page', 'POST', ['Referer', 'http://evil.example/'], true],
    ['a write of an old browser from the own page', 'POST', ['Referer', `http://${own}/a?b=http://x#c`], false],
    ['a write from a page of the root', 'POST', ['Referer', `http://${own}`], false],
    ['a write from a name that begins alike', 'POST', ['Referer', `http://${own}.evil.example/`], true],
    ['a write from a page with a user', 'POST', ['Referer', `http://${own}@evil.example/`], true],
    ['a write from one of two pages', 'POST', ['Referer', `http://${own}/`, 'Referer', 'http://evil.example/'], true],
    ['a write from a page without a host', 'POST', ['Referer', 'https:///x'], true],
    ['a forged own page without TLS', 'POST', ['Referer', `http://${own}/`], true, { scheme: 'https' }],
    ['the command that npm sends', 'PUT', ['Referer', 'publish'], false],
    ['an origin, whatever the page', 'POST', ['Origin', `http://${own}`, 'Referer', 'http://evil.example/'], false],
    ['a WebSocket of an old browser', 'GET', ['Referer', 'http://evil.example/'], true, { upgrade: true }],
    ...['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override', 'x_http_method_override'].map(
      (name) => [`a link with ${name}`, 'GET', [...link, name, 'DELETE'], true] as const,
    ),
    ['another method from the own page', 'POST', ['Sec-Fetch-Site', 'same-origin', 'X-HTTP-Method', 'PUT'], false],
    ['another method, of a program', 'GET', ['X-HTTP-Method-Override', 'DELETE'], false],
    ['a value that names such a header', 'GET', [...link, 'X-Other', 'X-HTTP-Method'], false],
    ['a write from the own page', 'POST', ['Sec-Fetch-Site', 'same-origin'], false],
    ['a write that the user starts', 'POST', ['Sec-Fetch-Site', 'none'], false],
    ['a write from another site', 'POST', ['Sec-Fetch-Site', 'cross-site'], true],
    ['a write from another origin of the site', 'POST', ['Sec-Fetch-Site', 'same-site'], true],
    ['an unknown site', 'POST', ['Sec-Fetch-Site', 'whatever'], true],
    ['an empty site', 'POST', ['Sec-Fetch-Site', ''], true],
    ['two sites', 'POST', ['Sec-Fetch-Site', 'same-origin', 'sec-fetch-site', 'cross-site'], true],
    ['a list of sites', 'POST', ['Sec-Fetch-Site', 'same-origin, same-origin'], true],
    ['a form of a page without referrer', 'POST', ['Sec-Fetch-Site', 'same-origin', 'Origin', 'null'], false],
    ['a foreign site, whatever its origin', 'POST', ['Sec-Fetch-Site', 'cross-site', 'Origin', `http://${own}`], true],
    ['a client without a page', 'POST', [], false],
    ['an unknown method', 'PURGE', ['Sec-Fetch-Site', 'cross-site'], true],
    ['a method in lower case', 'get', ['Sec-Fetch-Site', 'cross-site'], true],
    ['an own origin', 'POST', ['Origin', `http://${own}`], false],
    ['an own origin in other letters', 'POST', ['Origin', `HTTP://My-App.Localhost:8080`], false],
    ['another port', 'POST', ['Origin', 'http://my-app.localhost:8081'], true],
    ['another app', 'POST', ['Origin', 'http://other.localhost:8080'], true],
    ['a name that ends alike', 'POST', ['Origin', 'http://evil-my-app.localhost:8080'], true],
    ['no origin of a page', 'POST', ['Origin', 'null'], true],
    ['an empty origin', 'POST', ['Origin', ''], true],
    ['an origin with a path', 'POST', ['Origin', `http://${own}/`], true],
    ['an origin with a user', 'POST', ['Origin', `http://evil@${own}`], true],
    ['two origins', 'POST', ['Origin', `http://${own}`, 'Origin', `http://${own}`], true],
    ['an extension', 'POST', ['Origin', `chrome-extension://${own}`], true],
    ['a proxy that terminates TLS', 'POST', ['Origin', `https://${own}`], false],
    ['a forged page without TLS', 'POST', ['Origin', `http://${own}`], true, { scheme: 'https' }],
    ['a default port', 'POST', ['Origin', 'http://a.example'], false, { authority: 'a.example:80' }],
    [
      'the default port of the other scheme',
      'POST',
      ['Origin', 'http://a.example'],
      true,
      { authority: 'a.example:443' },
    ],
    ['no Host', 'POST', ['Origin', 'http://a.example'], true, { authority: '' }],
    ['a WebSocket of the own page', 'GET', ['Origin', `http://${own}`], false, { upgrade: true }],
    ['a WebSocket of another page', 'GET', ['Origin', 'http://evil.example'], true, { upgrade: true }],
    ['a WebSocket of another site', 'GET', ['Sec-Fetch-Site', 'cross-site'], true, { upgrade: true }],
    ['a WebSocket of a program', 'GET', [], false, { upgrade: true }],
    ['a WebSocket over HTTP/2', 'CONNECT', ['Origin', 'http://evil.example'], true, { upgrade: true }],
  ];
  for (const [why, method, headers, isRefused, more] of cases) {
    it(`${isRefused ? 'refuses' : 'allows'} ${why}`, () => {
      const request = { method, headers, upgrade: false, authority: own, scheme: 'http' as const, ...more };
      assert.equal(isCrossSiteUse(request), isRefused);
    });
  }
});
