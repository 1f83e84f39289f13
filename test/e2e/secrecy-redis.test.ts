// The Redis password: right, wrong, with insufficient rights, never sent, or sent to a server that
// echoes it. The log gives the reason and never the password.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { startCli, temporaryDirectory } from '../helpers/cli.ts';
import { startProtectedRedis, startQuotingRedis } from '../helpers/protected-redis.ts';
import { redisMissing } from '../helpers/redis-server.ts';
import { secretIn } from '../secrecy/find-secrets.ts';
import { markedSecret } from '../secrecy/marks.ts';

const [password, ofUser, wrong] = ['password', 'user', 'wrong'].map(markedSecret) as [string, string, string];
/** May log in, but may not run any command. */
const powerless = `limited on >${ofUser} ~* -@all +auth +hello +client +ping`;

interface Case {
  readonly what: string;
  readonly start: (t: TestContext) => Promise<{ readonly place: string }>;
  readonly user: string;
  /** The logged reason why limits are not shared and quotas are not stored. */
  readonly reason: string;
  /** Set when only a request reveals that limits are not shared. */
  readonly byRequest?: true;
}

const real = (t: TestContext): Promise<{ readonly place: string }> => startProtectedRedis(t, password, powerless);
const nobody = (): Promise<{ readonly place: string }> => Promise.resolve({ place: '127.0.0.1:1' });
const cases: readonly Case[] = [
  {
    what: 'a wrong password',
    start: real,
    user: `:${wrong}`,
    reason: 'it replied WRONGPASS: the user name or the password is wrong',
  },
  {
    what: 'no password',
    start: real,
    user: '',
    reason: 'it replied NOAUTH: it requires a password, and the URL has none',
  },
  {
    what: 'insufficient permissions',
    start: real,
    user: `limited:${ofUser}`,
    reason: 'it replied NOPERM: the ACL of this user denies a command or a key that the gateway needs',
    byRequest: true,
  },
  { what: 'quoted', start: startQuotingRedis, user: `u:${password}`, reason: 'it replied ERR' },
  {
    what: 'an unreachable server',
    start: nobody,
    user: `u:${password}`,
    reason: 'nothing listens there (ECONNREFUSED)',
  },
];

describe(
  'Redis rejects, and the log gives the reason without the password',
  { skip: redisMissing, concurrency: true },
  () => {
    for (const { what, start, user, reason, byRequest = false } of cases) {
      test(what, async (t) => {
        const { place } = await start(t);
        const directory = await temporaryDirectory(t);
        const file = join(directory, 'gateway.yaml');
        const url = `redis://${user === '' ? '' : `${user}@`}${place}`;
        await writeFile(
          file,
          `rate_limit: { storage: { type: redis, redis: { url: "${url}" } } }
quotas: { daily: { someone: { requests: 5 } } }
auth: { keys: [{ id: someone, key: ${markedSecret('key')} }] }
logging: { level: debug }
portal: { relay_url: ws://127.0.0.1:1/relay }
`,
          { mode: 0o600 },
        );
        const cli = startCli(t, ['start', '--config', file, '--port', '0'], { XDG_STATE_HOME: directory });
        const reasons = [await cli.line(/"reason":"([^"]+)","message":"cannot persist quota usage/)];
        if (!byRequest) reasons.push(await cli.line(/"reason":"([^"]+)","message":"Redis is unavailable/));
        await cli.line(/"message":"listening"/);
        cli.child.kill('SIGTERM');
        assert.equal(await cli.exited, 0);
        assert.deepEqual(
          reasons.map(([, text]) => text),
          reasons.map(() => reason),
        );
        const written = (cli.stdout() + cli.stderr()).split('\n');
        assert.deepEqual(
          written.map(secretIn).filter((found) => found !== undefined),
          [],
        );
      });
    }
  },
);
