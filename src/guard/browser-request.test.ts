import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFromBrowser } from './browser-request.ts';

test('recognises browsers by what they cannot leave out, and no tool', () => {
  const rows: [headers: string[], isBrowser: boolean][] = [
    [['Sec-Fetch-Site', 'same-origin'], true],
    [['Origin', 'null'], true],
    // A read of the page's own origin over plain http.
    [['User-Agent', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36'], true],
    [['User-Agent', 'git/2.47.3'], false],
    [['User-Agent', 'curl/8.14.1'], false],
    [['Sec-Fetch-Mode', 'cors', 'User-Agent', 'node'], false],
    [[], false],
  ];
  for (const [headers, isBrowser] of rows) assert.equal(isFromBrowser(headers), isBrowser, headers.join(': '));
});
