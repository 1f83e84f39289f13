// A real gRPC client over HTTP/2: errors of the gateway, and of `expose` behind it, have the status
// and the text that its API shows.
import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { test, type TestContext } from 'node:test';
import { Client, credentials, Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { GatewayError } from '../../src/kernel/errors/gateway-error.ts';
import { problemOf } from '../../src/kernel/errors/problem.ts';
import { certificate } from '../helpers/certificates.ts';
import { key } from '../helpers/plain-gateway.ts';
import { startSecureGateway } from '../helpers/secure-gateway.ts';

type Call = (lease: string, headers?: Readonly<Record<string, string>>) => Promise<ServiceError | undefined>;

async function start(t: TestContext, serve: RequestListener): Promise<Call> {
  const { port } = await startSecureGateway(t, serve, { policy: { baseDomain: 'peers.test' } });
  return (lease, headers = { 'x-api-key': key }) => {
    const client = new Client(`127.0.0.1:${port}`, credentials.createSsl(Buffer.from(certificate.cert)), {
      'grpc.default_authority': `${lease}.peers.test`,
      'grpc.ssl_target_name_override': 'localhost',
      'grpc.enable_retries': 0,
    });
    t.after(() => {
      client.close();
    });
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    const same = (bytes: Buffer): Buffer => bytes;
    return new Promise((resolve) => {
      client.makeUnaryRequest('/pkg.Service/Do', same, same, Buffer.from('x'), metadata, (error) => {
        resolve(error ?? undefined);
      });
    });
  };
}

test('a gRPC client gets the status and the text of each error of the gateway', async (t) => {
  const call = await start(t, (_, response) => response.destroy());
  const cases: [lease: string, headers: Record<string, string>, code: status, details: RegExp][] = [
    ['app', {}, status.UNAUTHENTICATED, /^Send an API key as `Authorization: Bearer`/],
    ['app', { 'x-api-key': 'wrong' }, status.UNAUTHENTICATED, /is not a key of this gateway/],
    ['nobody', { 'x-api-key': key }, status.NOT_FOUND, /^No relay lists a lease/],
    ['app', { 'x-api-key': key }, status.UNAVAILABLE, /app/],
  ];
  for (const [lease, headers, code, details] of cases) {
    const error = await call(lease, headers);
    assert.deepEqual([error?.code, status[error?.code ?? 0]], [code, status[code]], String(error));
    assert.match(error?.details ?? '', details);
    assert.match(String(error?.metadata.get('proxy-status')), /^portal-gateway; error=/);
  }
});

test('an error of `expose`, an empty response of HTTP/1.1, ends with its head', async (t) => {
  const error = new GatewayError('app_timeout', 'Nach 100 % der Zeit: nichts für Sie.', { retryAfterSeconds: 2 });
  const call = await start(t, ({ rawHeaders: received }, response) => {
    const { status, headers } = problemOf(error, {
      ...{ proxy: 'portal-expose', requestId: 'r', errorsUrl: undefined, received },
    });
    response.writeHead(status, headers as string[]).end();
  });
  const received = await call('app');
  assert.deepEqual([received?.code, received?.details], [status.DEADLINE_EXCEEDED, error.message]);
  assert.deepEqual(received?.metadata.get('retry-after'), ['2']);
});
