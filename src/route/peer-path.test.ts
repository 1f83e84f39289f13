import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchPeerPath, type PeerRoute, unstrippedTarget } from './peer-path.ts';

function route(target: string): PeerRoute {
  const match = matchPeerPath(target);
  return match.kind === 'peer' ? match.route : assert.fail(`${target} is ${match.kind}`);
}

test('forwards the path below the prefix byte for byte', () => {
  for (const below of ['/', '/a//b', '/%41%2f..%2F', '/a/../b/./c', '/?', '/a?x=%20+&y#', "/;v=1,2'~!", '/?a=/b/c']) {
    assert.deepEqual(route(`/peer/demo${below}`), {
      kind: 'path',
      lease: 'demo',
      prefix: '/peer/demo',
      target: below,
      bare: false,
    });
  }
});

test('a lease without a path gets the path /', () => {
  assert.equal(route('/peer/demo').target, '/');
  assert.equal(route('/peer/demo?x=/y').target, '/?x=/y');
  assert.equal(route('/peer/demo?x=/y').prefix, '/peer/demo');
});

test('names are percent-encoded UTF-8, or raw UTF-8', () => {
  assert.equal(route('/peer/my%20app/x').lease, 'my app');
  assert.equal(route('/peer/%ED%95%9C%EA%B8%80/').lease, '한글');
  assert.equal(route(`/peer/${Buffer.from('한글').toString('latin1')}/`).lease, '한글');
  assert.equal(route('/peer/a%2Fb/c').lease, 'a/b');
  assert.equal(route('/peer/my%20app/x').prefix, '/peer/my%20app');
});

test('an invalid lease name is malformed', () => {
  const bad = ['/peer/', '/peer//x', '/peer/?x', '/peer/%', '/peer/%4', '/peer/%zz/', '/peer/%ff/', '/peer/%C0%80/'];
  for (const target of [...bad, '/peer/a%00b/', '/peer/a%0Ab/', `/peer/${'a'.repeat(300)}/`]) {
    assert.equal(matchPeerPath(target).kind, 'malformed', target);
  }
});

test('ignores other paths', () => {
  for (const target of ['/', '/peer', '/peers/x/', '/PEER/x/', '*', 'peer/x', '/x/peer/y/', 'http://h/peer/x/']) {
    assert.equal(matchPeerPath(target).kind, 'other', target);
  }
});

test('the alias for WebSockets maps to the app’s /, with the query', () => {
  const prefix = '/peer/my%20app';
  assert.deepEqual(route('/ws/my%20app'), { kind: 'ws', lease: 'my app', prefix, target: '/', bare: true });
  assert.deepEqual(route('/ws/my%20app?x=/y'), { kind: 'ws', lease: 'my app', prefix, target: '/?x=/y', bare: true });
  for (const target of ['/ws/app/', '/ws/app/x', '/ws', '/wss/app']) assert.equal(matchPeerPath(target).kind, 'other');
  for (const target of ['/ws/', '/ws/?x', '/ws/%ff']) assert.equal(matchPeerPath(target).kind, 'malformed', target);
});

test('prepends to the prefix a path that a proxy has removed', () => {
  const match = matchPeerPath('/peer/demo/x', '/outer');
  assert.deepEqual(match.kind === 'peer' && [match.route.prefix, match.route.target], ['/outer/peer/demo', '/x']);
});

test('with its prefix, a target is the one that the client sent, byte for byte', () => {
  const rows = [
    ...['/peer/demo', '/peer/demo?', '/peer/demo?x=/y', '/peer/demo/', '/peer/demo//', '/peer/demo/?x#y'],
    ...['/peer/my%20app/%41%2f..%2F', '/peer/%64emo/../../x', '/peer/a%2Fb/c', "/peer/demo/;v=1,2'~!"],
    `/peer/${Buffer.from('한글').toString('latin1')}/ü`,
  ];
  for (const target of rows) assert.equal(unstrippedTarget(route(target)), target);
});

test('with its prefix, the target of the alias is the root of the app', () => {
  for (const [target, path] of [
    ['/ws/my%20app', '/peer/my%20app/'],
    ['/ws/app?x=/y', '/peer/app/?x=/y'],
  ] as const) {
    assert.equal(unstrippedTarget(route(target)), path);
  }
});
