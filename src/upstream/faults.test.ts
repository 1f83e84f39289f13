import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../kernel/errors.ts';
import { PortalError, type PortalErrorCode } from '../portal/errors.ts';
import { dialFault, exchangeFault, saysLeaseIsGone } from './faults.ts';

function coded(code: string): Error {
  return Object.assign(new Error('10.0.0.1:80 said no'), { code });
}

test('a failed dial is told by its code, never by the backend’s text', () => {
  const cases: [PortalErrorCode, string][] = [
    ['lease_unknown', 'lease_unreachable'],
    ['lease_refused', 'lease_unreachable'],
    ['handshake_lease_mismatch', 'tunnel_failed'],
    ['handshake_signature', 'tunnel_failed'],
    ['session_goaway', 'no_relay'],
    ['relay_unreachable', 'no_relay'],
    ['stream_open_timeout', 'dial_timeout'],
    ['too_many_streams', 'overloaded'],
  ];
  for (const [code, expected] of cases) {
    const error = dialFault(new PortalError(code, 'secret 10.0.0.1'));
    assert.equal(error.code, expected, code);
    assert.doesNotMatch(error.message, /10\.0\.0\.1|secret/);
    assert.equal(error.retryAfterSeconds, error.status === 503 ? 1 : undefined, code);
  }
  assert.equal(dialFault(new Error('anything')).code, 'lease_unreachable');
});

test('a tunnel that fails is told from an answer that is no HTTP', () => {
  assert.equal(exchangeFault(coded('HPE_INVALID_CONSTANT'), false).code, 'bad_upstream_response');
  assert.equal(exchangeFault(coded('UND_ERR_HEADERS_OVERFLOW'), false).code, 'bad_upstream_response');
  assert.equal(exchangeFault(coded('HPE_INVALID_CHUNK_SIZE'), true).code, 'bad_upstream_response');
  assert.equal(exchangeFault(coded('UND_ERR_SOCKET'), true).code, 'tunnel_failed');
  assert.equal(exchangeFault(coded('UND_ERR_SOCKET'), false).code, 'tunnel_failed');
  assert.equal(exchangeFault(coded('UND_ERR_INVALID_ARG'), false).code, 'invalid_request');
  assert.equal(exchangeFault(new PortalError('stream_reset', ''), false).code, 'tunnel_failed');
  assert.doesNotMatch(exchangeFault(coded('ECONNRESET'), false).message, /10\.0/);
});

test('a gateway error stays what it is', () => {
  const error = new GatewayError('headers_timeout', 'late');
  assert.equal(exchangeFault(error, false), error);
});

test('only the relay’s word that a lease is unknown makes the directory ask again', () => {
  assert.equal(saysLeaseIsGone(dialFault(new PortalError('lease_unknown', ''))), true);
  assert.equal(saysLeaseIsGone(dialFault(new PortalError('lease_rejected', ''))), false);
});
