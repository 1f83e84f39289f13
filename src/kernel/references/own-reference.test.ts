import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownPath } from './own-reference.ts';

const hosts = ['localhost:3000', 'app.test'];

test("turns an absolute reference to the app's host into a path", () => {
  for (const [reference, path] of [
    ['http://localhost:3000/a%2Fb/../c?x=//y#z', '/a%2Fb/../c?x=//y#z'],
    ['HTTPS://LocalHost:3000/', '/'],
    ['//localhost:3000/x', '/x'],
    ['http://localhost:3000', '/'],
    ['http://localhost:3000?x', '/?x'],
    ['http://localhost:3000#x', '/#x'],
    ['http://app.test:80/x', '/x'],
    ['//app.test:443/x', '/x'],
  ] as const) {
    assert.equal(ownPath(reference, hosts), path, reference);
  }
});

test('leaves any other reference unchanged', () => {
  for (const reference of [
    ...['', '/x', 'x', '../x', '?x', '#x', '///x', 'mailto:a@localhost:3000', 'ftp://localhost:3000/'],
    ...[
      'http://localhost/x',
      'http://localhost:30000/x',
      'http://localhost:3000.evil.test/',
      'http://app.test@evil.test/',
    ],
  ]) {
    assert.equal(ownPath(reference, hosts), reference);
  }
});

test('the path of such a reference never becomes a host', () => {
  for (const rest of ['//evil.test/x', '/\\evil.test/x', '/\t/evil.test/x', '///evil.test']) {
    const reference = `http://app.test${rest}`;
    const resolved = new URL(ownPath(reference, hosts), 'http://gateway.test');
    assert.deepEqual([resolved.host, resolved.pathname], ['gateway.test', new URL(reference).pathname], reference);
  }
});
