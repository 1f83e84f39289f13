import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isCrossSiteWrite } from './cross-site.ts';

const own = 'my-app.localhost:8080';

describe('cross-site writes', () => {
  const cases: readonly (readonly [
    why: string,
    method: string,
    headers: readonly string[],
    isRefused: boolean,
    more?: { upgrade?: boolean; authority?: string; scheme?: 'http' | 'https' },
  ])[] = [
    ['a read from another site', 'GET', ['Sec-Fetch-Site', 'cross-site'], false],
    ['HEAD from another site', 'HEAD', ['Sec-Fetch-Site', 'cross-site'], false],
    ['OPTIONS from another site', 'OPTIONS', ['Origin', 'http://evil.example'], false],
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
      assert.equal(isCrossSiteWrite(request), isRefused);
    });
  }
});
