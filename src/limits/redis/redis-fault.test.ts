// Commands are rejected, and failures logged, with a reason that names the cause of any problem on
// the way to Redis.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { systemClock } from '../../kernel/clock.ts';
import { certificate } from '../../../test/helpers/certificates.ts';
import { startPlainRedis, startProtectedRedis, startTlsRedis } from '../../../test/helpers/protected-redis.ts';
import { redisMissing } from '../../../test/helpers/redis-server.ts';
import { markedSecret } from '../../../test/secrecy/marks.ts';
import { connectRedis, type RedisPlace } from './redis-client.ts';

const [password, ofUser, wrong] = ['password', 'user', 'wrong'].map(markedSecret) as [string, string, string];
const powerless = `limited on >${ofUser} ~* -@all +auth +hello +client +ping`;
const ca = certificate.cert;

interface Case {
  readonly what: string;
  readonly place: (t: TestContext) => Promise<RedisPlace>;
  readonly reason: RegExp;
  /** Nothing else ends the wait. The default is longer than a busy machine needs. */
  readonly connectTimeoutMs?: number;
  /** The connection is fine, the command is not. */
  readonly isConnected?: true;
}

const guarded = async (t: TestContext, user: string): Promise<RedisPlace> => {
  const { place } = await startProtectedRedis(t, password, powerless);
  return { url: `redis://${user}${place}` };
};
const secure = async (t: TestContext, host: string, more: Partial<RedisPlace> = {}): Promise<RedisPlace> => ({
  url: `rediss://${host}:${(await startTlsRedis(t)).port}`,
  ...more,
});

/** A server that accepts connections and sends these bytes to each. */
async function listening(t: TestContext, bytes?: string): Promise<string> {
  const server = createServer((socket) => {
    t.after(() => socket.destroy());
    socket.on('error', () => undefined);
    if (bytes !== undefined) socket.write(bytes);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const cases: readonly Case[] = [
  {
    what: 'a wrong password',
    place: (t) => guarded(t, `:${wrong}@`),
    reason: /^it replied WRONGPASS: the user name or the password is wrong$/,
  },
  {
    what: 'an unknown user',
    place: (t) => guarded(t, `nobody:${password}@`),
    reason: /^it replied WRONGPASS: /,
  },
  {
    what: 'no password',
    place: (t) => guarded(t, ''),
    reason: /^it replied NOAUTH: it requires a password, and the URL has none$/,
  },
  {
    what: 'insufficient permissions',
    place: (t) => guarded(t, `limited:${ofUser}@`),
    reason: /^it replied NOPERM: the ACL of this user denies /,
    isConnected: true,
  },
  {
    what: 'a certificate of an unknown CA',
    place: (t) => secure(t, 'localhost'),
    reason:
      /^its certificate is not signed by a trusted authority \(DEPTH_ZERO_SELF_SIGNED_CERT\); name its CA in ca_file$/,
  },
  {
    what: 'a certificate for another host',
    place: (t) => secure(t, '127.0.0.1', { ca }),
    reason: /^its certificate is for another host name \(ERR_TLS_CERT_ALTNAME_INVALID\)/,
  },
  {
    what: 'TLS on a plain port',
    connectTimeoutMs: 500,
    place: async (t) => ({ url: `rediss://${(await startPlainRedis(t)).place}`, ca }),
    reason: /^the TLS connection timed out; check host and port, and that the port uses TLS \(redis:\/\/ does not\)$/,
  },
  {
    what: 'TLS on a port of another protocol',
    place: async (t) => ({ url: `rediss://${await listening(t, 'HTTP/1.1 400 Bad Request\r\n\r\n')}`, ca }),
    reason: /^the TLS handshake failed \((?:ERR_SSL_\w+|EPROTO)\); check that the port uses TLS/,
  },
  {
    what: 'no TLS on a TLS port',
    place: async (t) => ({ url: `redis://${(await startTlsRedis(t)).place}` }),
    reason: /^it closed the connection before its first reply; if the port uses TLS, write rediss:\/\/$/,
  },
  {
    what: 'another protocol',
    place: async (t) => ({ url: `redis://${await listening(t, 'SSH-2.0-OpenSSH\r\n')}` }),
    reason: /^it does not use the Redis protocol; check host and port$/,
  },
  {
    what: 'a silent server',
    connectTimeoutMs: 500,
    place: async (t) => ({ url: `redis://${await listening(t)}` }),
    reason: /^it does not respond$/,
  },
  {
    what: 'nobody',
    place: () => Promise.resolve({ url: 'redis://127.0.0.1:1' }),
    reason: /^nothing listens there \(ECONNREFUSED\)$/,
  },
  {
    what: 'no socket',
    place: () => Promise.resolve({ url: 'unix:///nonexistent/redis.sock' }),
    reason: /^its socket does not exist \(ENOENT\)$/,
  },
];

describe('commands reject with the cause', { skip: redisMissing, concurrency: true, timeout: 120_000 }, () => {
  for (const { what, place, reason, connectTimeoutMs = 60_000, isConnected = false } of cases) {
    test(what, async (t) => {
      const failed = Promise.withResolvers<Error>();
      const redis = connectRedis(await place(t), systemClock, { failed: failed.resolve, connectTimeoutMs });
      t.after(() => {
        redis.close();
      });
      const ask = (): Promise<unknown> => redis.run('return 1', [], []);
      // While connecting, and once the connection has failed.
      await assert.rejects(ask(), { message: reason });
      if (!isConnected) assert.match((await failed.promise).message, reason);
      await assert.rejects(ask(), { message: reason });
    });
  }

  test('connects over TLS with the CA of the server', async (t) => {
    const redis = connectRedis(await secure(t, 'localhost', { ca }), systemClock, {
      failed: () => undefined,
      connectTimeoutMs: 60_000,
    });
    t.after(() => {
      redis.close();
    });
    assert.equal(await redis.run('return 1', [], []), 1);
  });
});
