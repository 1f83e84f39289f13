// A name leads to one lease. A lease that is named like another one, or like its id, gets none of
// its requests and does not block them.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { systemClock } from '../../src/kernel/clock.ts';
import { leaseMoved, leaseNameRefused, listen } from '../../src/kernel/events.ts';
import { createCredential, RelayClient, type Credential } from '../../src/portal/index.ts';
import { runCli, startCli, temporaryDirectory } from '../helpers/cli.ts';
import { startPlainGateway, type PlainGateway } from '../helpers/plain-gateway.ts';
import { key, type testPolicy } from '../helpers/policy.ts';
import { startRelay } from '../helpers/published-demo.ts';

const victim = `V${'A'.repeat(25)}`;
const thief = `T${'A'.repeat(25)}`;
const third = `U${'A'.repeat(25)}`;
const lookUpEveryMs = 1_000;

/** `victim` responds with `victim`, any other lease with `thief`. Only `app` is listed yet. */
async function start(t: TestContext, policy: Parameters<typeof testPolicy>[0] = {}): Promise<Bench> {
  let passedMs = 0;
  const gateway = await startPlainGateway(t, (_, response) => response.end('victim'), {
    policy: { ...policy, directoryTtlMs: 0 },
    clock: { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + passedMs },
  });
  const other = createServer((_, response) => response.end('thief')).listen(0, '127.0.0.1');
  await once(other, 'listening');
  t.after(() => {
    other.closeAllConnections();
    other.close();
  });
  const portOf = (server: { address(): AddressInfo | string | null }): number => (server.address() as AddressInfo).port;
  return {
    ...gateway,
    publish: (name, id) => {
      gateway.transport.publish({ name, id, port: portOf(id === victim ? gateway.app : other) });
    },
    /** Returns the response after the relay was asked again. */
    ask: async (lease, headers = {}) => {
      const asked = gateway.transport.listed;
      const call = (): ReturnType<typeof gateway.call> => {
        // Unlisted names are looked up again only after a while.
        passedMs += lookUpEveryMs;
        return gateway.call(`/peer/${lease}/`, { headers: ['X-API-Key', key, ...Object.entries(headers).flat()] });
      };
      let response = await call();
      // Waits for two lists, because the first request may already have been in flight.
      while (gateway.transport.listed < asked + 2) response = await call();
      if (response.status === 200) return response.text;
      return (JSON.parse(response.text) as { code: string }).code;
    },
  };
}

interface Bench extends PlainGateway {
  readonly publish: (name: string, id: string) => void;
  readonly ask: (lease: string, headers?: Record<string, string>) => Promise<string>;
}

describe('a lease named like the id of another one', () => {
  for (const name of [victim, victim.toLowerCase(), `v${victim.slice(1)}`]) {
    test(name, async (t) => {
      const { ask, publish } = await start(t, {
        leasePins: { bank: victim },
        acl: { [victim]: ['*'], 'va*': ['*'], bank: ['*'] },
        baseDomain: 'peers.test',
      });
      publish(name, thief);
      // While the victim is offline: by pin, by id in any case, by host.
      for (const way of ['bank', victim, victim.toLowerCase()])
        assert.match(await ask(way), /^lease_(not_found|unreachable)$/, way);
      // Its own id gets no access from the rules for the name.
      assert.equal(await ask(thief), 'access_denied');
      publish('other', victim);
      for (const way of ['bank', victim, victim.toLowerCase()]) assert.equal(await ask(way), 'victim', way);
    });
  }
});

describe('letter case', () => {
  test('first: a twin neither takes the name nor disables it, and is reported once', async (t) => {
    const refused: unknown[] = [];
    t.after(listen(leaseNameRefused, ({ name, leaseId, holder }) => refused.push([name, leaseId, holder])));
    const { ask, publish } = await start(t);
    publish('Billing', victim);
    for (const way of ['Billing', 'billing']) assert.equal(await ask(way), 'victim');
    publish('billing', thief);
    publish('BILLING', third);
    for (const way of ['Billing', 'billing', 'BILLING', victim]) assert.equal(await ask(way), 'victim', way);
    for (const way of [thief, third]) assert.equal(await ask(way), 'thief', way);
    assert.deepEqual(refused, [
      ['billing', thief, victim],
      ['BILLING', third, victim],
    ]);
  });

  test('first: once the lease is gone, a single other one takes the name; two are ambiguous', async (t) => {
    const moves: string[] = [];
    t.after(listen(leaseMoved, ({ to }) => moves.push(to)));
    const { ask, publish, transport } = await start(t);
    publish('Billing', victim);
    assert.equal(await ask('billing'), 'victim');
    publish('billing', thief);
    publish('BILLING', third);
    transport.unpublish('Billing');
    assert.equal(await ask('billing'), 'lease_ambiguous');
    transport.unpublish('BILLING');
    assert.equal(await ask('billing'), 'thief');
    assert.deepEqual(moves, [thief]);
  });

  test('a lease that lost its name remains under the rules for the name', async (t) => {
    const { ask, publish, transport } = await start(t, { acl: { '*': ['*'], billing: ['nobody'] } });
    publish('billing', thief);
    assert.equal(await ask(thief), 'access_denied');
    publish('Billing', victim);
    assert.equal(await ask(victim), 'access_denied');
    transport.unpublish('billing');
    assert.equal(await ask(victim), 'access_denied');
  });

  test('the rules for the name do not admit a twin', async (t) => {
    const { ask, publish } = await start(t, { acl: { billing: ['*'] } });
    publish('Billing', victim);
    assert.equal(await ask('billing'), 'victim');
    publish('billing', thief);
    assert.equal(await ask(thief), 'access_denied');
  });
});

async function published(t: TestContext, url: string, name: string, credential: Credential): Promise<RelayClient> {
  const done = Promise.withResolvers<undefined>();
  const client = new RelayClient({
    url,
    credential,
    log: ({ type }) => {
      if (type === 'published') done.resolve(undefined);
    },
  });
  t.after(() => client.close());
  // Rejects every client: the error code then shows whether the lease was dialled.
  client.listen({ name, credential, alpn: ['http/1.1'], allowClient: () => false });
  await done.promise;
  return client;
}

test('strict: rejects a new id, also after a restart, until it is accepted', { timeout: 60_000 }, async (t) => {
  const { url } = await startRelay(t);
  const state = await temporaryDirectory(t);
  const config = join(state, 'gateway.yaml');
  await writeFile(
    config,
    `gateway: { port: 0, drain_linger: 0s }
portal: { relays: [{ url: '${url}' }], name_binding: strict, directory_ttl: 10ms }
auth: { enabled: false }
lease_acl: { '*': [anonymous] }
timeouts: { dial: 1s }
`,
  );
  const environment = { XDG_STATE_HOME: state };
  const run = (...args: string[]): ReturnType<typeof runCli> => runCli(t, args, environment);
  const gateway = async (): Promise<{ code: () => Promise<string>; stop: () => Promise<unknown> }> => {
    const cli = startCli(t, ['start', '--config', config], environment);
    const [, base = ''] = await cli.line(/"url":"(http:[^"]+)".*"message":"listening"/);
    return {
      code: async () =>
        ((await (await fetch(`${base}/peer/billing/`)).json()) as { code: string; detail: string }).detail,
      stop: () => {
        cli.child.kill('SIGTERM');
        return cli.exited;
      },
    };
  };
  const [first, second] = [createCredential(), createCredential()];
  const app = await published(t, url, 'Billing', first);
  let running = await gateway();
  const untilCode = async (pattern: RegExp): Promise<void> => {
    for (let text = ''; !pattern.test(text);) text = await running.code();
  };
  const notAccepted = 'id that is not accepted';
  const dialled = /app|lease is gone|in time|tunnel/i;
  await untilCode(dialled);
  await running.stop();

  await app.close();
  await published(t, url, 'billing', second);
  running = await gateway();
  await untilCode(new RegExp(notAccepted));
  assert.match((await run('leases', '--relay', url)).stdout, /not accepted for this name/);
  const explained = await run('explain', '--config', config, '--lease', 'billing', '--id', second.id);
  assert.ok(explained.stdout.includes(`${first.id} is accepted for the name "billing"`), explained.stdout);
  const accepted = await run('leases', 'accept', 'BILLING', '--relay', url, '--json');
  assert.deepEqual(JSON.parse(accepted.stdout), { name: 'billing', id: second.id, before: first.id });
  for (let text = await running.code(); text.includes(notAccepted);) text = await running.code();
  await running.stop();
});

test('leases accept: errors say what cannot be accepted and what to do', async (t) => {
  const { url } = await startRelay(t);
  const environment = { XDG_STATE_HOME: await temporaryDirectory(t) };
  await published(t, url, 'billing', createCredential());
  const cases: [args: string[], code: number, says: RegExp][] = [
    [[victim], 2, /is not a lease name/],
    [['billing', '--id', 'short'], 2, /--id takes a lease id/],
    [['biling'], 1, /lists no lease named "biling"; did you mean "billing"\?/],
    [['other', '--id', victim], 0, /^$/],
  ];
  for (const [args, code, says] of cases) {
    const result = await runCli(t, ['leases', 'accept', ...args, '--relay', url], environment);
    assert.equal(result.code, code, result.stderr);
    assert.match(result.stderr.trim(), says);
  }
});
