import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GatewayError } from '../kernel/errors/gateway-error.ts';
import type { Sink } from '../kernel/http/http.ts';
import { compose } from './compose.ts';
import type { Exchange, Stage } from './stage.ts';

const exchange = {} as Exchange;

function recorder(): { readonly failures: GatewayError[]; readonly sink: Sink } {
  const failures: GatewayError[] = [];
  return { failures, sink: { fail: (error: GatewayError) => failures.push(error) } as unknown as Sink };
}

test('the first stage is outermost, and the terminal runs last', () => {
  const log: string[] = [];
  const named =
    (name: string): Stage =>
    (next) =>
    (x, sink) => {
      log.push(name);
      next(x, sink);
    };
  const { sink } = recorder();
  compose([named('a'), named('b')], () => log.push('terminal'))(exchange, sink);
  assert.deepEqual(log, ['a', 'b', 'terminal']);
});

test('a stage that does not call the next one ends the chain', () => {
  const { sink } = recorder();
  compose([() => () => undefined], () => assert.fail('the terminal was reached'))(exchange, sink);
});

test('a stage that throws causes an internal error', () => {
  const { failures, sink } = recorder();
  const cause = new Error('a bug, with a secret in it');
  compose([], () => {
    throw cause;
  })(exchange, sink);
  assert.deepEqual(
    failures.map(({ code, cause, message }) => [code, cause, message.includes('secret')]),
    [['internal_error', cause, false]],
  );
});
