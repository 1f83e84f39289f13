import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HttpFault, type FaultKind, type FaultMoment } from '../http-client/http-fault.ts';
import { GatewayError } from '../kernel/errors/gateway-error.ts';
import { ClockSkewError, PortalError, type PortalErrorCode } from '../portal/errors.ts';
import { dialFault, exchangeError, saysLeaseIsGone } from './upstream-errors.ts';

test('maps a failed dial by its code, never by the backend’s text', () => {
  const cases: [PortalErrorCode, string][] = [
    ['lease_unknown', 'lease_unreachable'],
    ['lease_refused', 'lease_unreachable'],
    ['handshake_lease_mismatch', 'tunnel_failed'],
    ['handshake_signature', 'tunnel_failed'],
    ['session_goaway', 'no_relay'],
    ['relay_unreachable', 'no_relay'],
    ['stream_open_timeout', 'dial_timeout'],
    ['too_many_streams', 'overloaded'],
    ['client_not_admitted', 'client_not_admitted'],
    ['lease_rejected', 'lease_unreachable'],
    ['clock_skew', 'clock_skew'],
  ];
  for (const [code, expected] of cases) {
    const error = dialFault(new PortalError(code, 'secret 10.0.0.1'));
    assert.equal(error.code, expected, code);
    assert.doesNotMatch(error.message, /10\.0\.0\.1|secret/);
    assert.equal(error.retryAfterSeconds, error.status === 503 ? 1 : undefined, code);
  }
  assert.equal(dialFault(new Error('anything')).code, 'lease_unreachable');
});

const again = /; (?:check that it is running, and )?try again(?: shortly| if the request may be repeated)?\.$/;
const publisher = /\. Try again; if it persists, (?:see the output of|restart) the program that publishes the app\.$/;
const start = /\. Start the app again, and check `portal-gateway leases`\.$/;
const owner = /\. Ask its owner to allow the id that `portal-gateway identity` prints on the gateway’s machine\.$/;
const clock = /; correct the wrong one\.$/;
/** A defect of the gateway: callers can do nothing about it. */
const internal = /^The gateway failed to handle the request\.$/;

const remedies: Readonly<Record<PortalErrorCode, RegExp>> = {
  bad_relay_url: again,
  relay_unreachable: again,
  relay_tls: again,
  not_a_relay: again,
  connect_timeout: again,
  carrier_closed: again,
  session_closed: again,
  session_goaway: again,
  session_protocol: again,
  session_remote_error: again,
  keepalive_timeout: again,
  streams_exhausted: again,
  too_many_streams: again,
  stream_open_timeout: again,
  stream_reset: again,
  stream_aborted: again,
  packet_malformed: publisher,
  packet_too_large: publisher,
  packet_unexpected: publisher,
  stream_truncated: publisher,
  lease_unknown: start,
  lease_rejected: publisher,
  lease_refused: publisher,
  lease_timeout: again,
  dial_timeout: again,
  dial_aborted: again,
  client_not_admitted: owner,
  clock_skew: clock,
  identity_invalid: publisher,
  identity_file: internal,
  handshake_malformed: publisher,
  handshake_version: publisher,
  handshake_identity: publisher,
  handshake_signature: publisher,
  handshake_alpn: publisher,
  handshake_session_key: publisher,
  handshake_nonce: publisher,
  handshake_lease_mismatch: publisher,
  handshake_client_refused: publisher,
  handshake_timeout: again,
  frame_malformed: again,
  listener_closed: internal,
};

test('the detail of every failed dial says what to do, in at most two sentences', () => {
  for (const [code, remedy] of Object.entries(remedies)) {
    const { message } = dialFault(new PortalError(code as PortalErrorCode, 'secret'));
    assert.match(message, remedy, code);
    assert.ok(message.split('. ').length <= 2, message);
  }
  assert.match(dialFault(new Error('anything')).message, publisher);
  assert.match(exchangeError(new HttpFault('connection_lost', 'body', 'secret')).message, again);
});

test('maps every way in which an exchange can fail to one code', () => {
  const lost = new PortalError('stream_reset', '10.0.0.1:80 said no');
  const table: [FaultKind, FaultMoment, unknown, string][] = [
    ['malformed', 'head', new Error('no HTTP'), 'bad_upstream_response'],
    ['malformed', 'body', new Error('no chunk'), 'bad_upstream_response'],
    ['unasked', 'unsent', undefined, 'bad_upstream_response'],
    ['connection_lost', 'unsent', lost, 'tunnel_failed'],
    ['connection_lost', 'waiting', lost, 'tunnel_failed'],
    ['connection_lost', 'waiting', undefined, 'tunnel_failed'],
    ['connection_lost', 'waiting', new PortalError('session_goaway', ''), 'no_relay'],
    ['connection_lost', 'head', lost, 'tunnel_failed'],
    ['connection_lost', 'body', new PortalError('session_goaway', ''), 'tunnel_failed'],
    ['request_body', 'waiting', new GatewayError('body_too_large', 'too large'), 'body_too_large'],
    ['request_body', 'waiting', new Error('gone'), 'client_closed'],
  ];
  for (const [kind, moment, cause, expected] of table) {
    const error = exchangeError(new HttpFault(kind, moment, '10.0.0.1', cause));
    assert.equal(error.code, expected, `${kind} ${moment}`);
    assert.doesNotMatch(error.message, /10\.0/);
  }
});

test('only a report by the relay that a lease is unknown refreshes the directory', () => {
  assert.equal(saysLeaseIsGone(dialFault(new PortalError('lease_unknown', ''))), true);
  assert.equal(saysLeaseIsGone(dialFault(new PortalError('lease_rejected', ''))), false);
});

test('reports by how much the clocks differ, if known', () => {
  const detail = (peer: 'app' | 'relay', skewSeconds: number | undefined): string =>
    dialFault(new ClockSkewError(peer, skewSeconds, '10.0.0.1')).message;
  assert.match(
    detail('app', 40),
    /^The clock of the gateway is 40 s ahead of the app's; .* within 30 s\. Correct the wrong one\.$/,
  );
  assert.match(detail('relay', -300), /^The clock of the gateway is 300 s behind the relay's; /);
  assert.match(
    detail('app', undefined),
    /^The clocks of the gateway and the app differ by more than 30 s; correct the wrong one\.$/,
  );
});
