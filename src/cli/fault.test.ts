import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EnvironmentError } from '../config/source/environment.ts';
import { PortalError } from '../portal/errors.ts';
import { listenError } from '../gateway/start-error.ts';
import { KeysFileError } from '../keys/keys-file-error.ts';
import { CliFault, failure, faultOf, isAbort, temporaryFault, usageFault } from './fault.ts';

test('an expected fault is one line and an exit code', () => {
  assert.deepEqual(faultOf(new CliFault('a')), { line: 'a', exitCode: 1 });
  assert.deepEqual(faultOf(usageFault('b')), { line: 'b', exitCode: 2 });
  assert.deepEqual(faultOf(new EnvironmentError('c')), { line: 'c', exitCode: 1 });
  assert.deepEqual(faultOf(new PortalError('relay_tls', 'd')), { line: 'd', exitCode: 1 });
  assert.deepEqual(faultOf(new PortalError('bad_relay_url', 'e')), { line: 'e', exitCode: 2 });
});

test('a failure that may pass has an exit code of its own', () => {
  assert.deepEqual(faultOf(temporaryFault('a', 'gateway_unavailable')), { line: 'a', exitCode: 75 });
  assert.deepEqual(faultOf(failure('a', { temporary: 'gateway_unavailable' })), { line: 'a', exitCode: 75 });
  assert.deepEqual(faultOf(failure('a', {})), { line: 'a', exitCode: 1 });
  assert.deepEqual(faultOf(new PortalError('relay_unreachable', 'b')), { line: 'b', exitCode: 75 });
  assert.deepEqual(faultOf(new KeysFileError('c', { temporary: 'keys_file_locked' })), { line: 'c', exitCode: 75 });
  assert.deepEqual(faultOf(new KeysFileError('d')), { line: 'd', exitCode: 1 });
});

test('only errors of the abort itself count as interrupted', () => {
  const stop = new AbortController();
  const closed = new PortalError('relay_unreachable', 'a', { cause: new PortalError('dial_aborted', 'b') });
  assert.equal(isAbort(closed, stop.signal), false);
  stop.abort(new DOMException('SIGTERM', 'AbortError'));
  assert.equal(isAbort(closed, stop.signal), true);
  assert.equal(isAbort(stop.signal.reason, stop.signal), true);
  assert.equal(isAbort(new TypeError('x is not a function'), stop.signal), false);
  const cycle = new Error('a');
  cycle.cause = cycle;
  assert.equal(isAbort(cycle, stop.signal), false);
});

test('an unexpected fault is not reported as a usage error', () => {
  assert.equal(faultOf(new TypeError('x is not a function')), undefined);
});

function systemError(code: string): Error {
  return Object.assign(new Error('listen'), { code });
}

for (const [code, words, exitCode] of [
  ['EADDRINUSE', /^the gateway cannot listen: port 8080 on 127\.0\.0\.1 is in use; .* with --port$/, 75],
  ['EACCES', /needs privileges/, 1],
  ['EADDRNOTAVAIL', /127\.0\.0\.1 is not an address of this machine/, 1],
] as const) {
  test(`a listener that fails with ${code} reports where and what to do`, () => {
    const fault = faultOf(listenError(systemError(code), 'the gateway', '127.0.0.1', 8080));
    assert.match(fault?.line ?? '', words);
    assert.equal(fault?.exitCode, exitCode);
  });
}

test('a listener that fails for an unknown reason keeps its error', () => {
  const error = systemError('EMFILE');
  assert.equal(listenError(error, 'the gateway', '127.0.0.1', 8080), error);
});
