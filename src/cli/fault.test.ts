import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EnvironmentError } from '../config/source/environment.ts';
import { PortalError } from '../portal/errors.ts';
import { listenError } from '../gateway/start-error.ts';
import { CliFault, faultOf, usageFault } from './fault.ts';

test('an expected fault is one line and an exit code', () => {
  assert.deepEqual(faultOf(new CliFault('a')), { line: 'a', exitCode: 1 });
  assert.deepEqual(faultOf(usageFault('b')), { line: 'b', exitCode: 2 });
  assert.deepEqual(faultOf(new EnvironmentError('c')), { line: 'c', exitCode: 1 });
  assert.deepEqual(faultOf(new PortalError('relay_unreachable', 'd')), { line: 'd', exitCode: 1 });
  assert.deepEqual(faultOf(new PortalError('bad_relay_url', 'e')), { line: 'e', exitCode: 2 });
});

test('an unexpected fault is not reported as a usage error', () => {
  assert.equal(faultOf(new TypeError('x is not a function')), undefined);
});

function systemError(code: string): Error {
  return Object.assign(new Error('listen'), { code });
}

for (const [code, words] of [
  ['EADDRINUSE', /^the gateway cannot listen: port 8080 on 127\.0\.0\.1 is in use; .* with --port$/],
  ['EACCES', /needs privileges/],
  ['EADDRNOTAVAIL', /127\.0\.0\.1 is not an address of this machine/],
] as const) {
  test(`a listener that fails with ${code} reports where and what to do`, () => {
    const fault = faultOf(listenError(systemError(code), 'the gateway', '127.0.0.1', 8080));
    assert.match(fault?.line ?? '', words);
    assert.equal(fault?.exitCode, 1);
  });
}

test('a listener that fails for an unknown reason keeps its error', () => {
  const error = systemError('EMFILE');
  assert.equal(listenError(error, 'the gateway', '127.0.0.1', 8080), error);
});
