// Apps that end, reset or half-close their tunnels at every moment of an exchange, under several
// concurrent clients: no exchange hangs, every failure has a named reason, and the event loop keeps
// running.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { nextTick } from 'node:process';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { guardLoop } from '../helpers/loop-guard.ts';
import { key } from '../helpers/policy.ts';
import { startTunnelGateway } from '../helpers/tunnel-gateway.ts';

const clients = 8;
/** A frozen loop never continues; a busy machine pauses it for some hundred milliseconds. */
const maxStallMs = 5_000;
/** No exchange may need a timeout of the gateway to end: a 504 fails the test. */
const timeouts = { dialMs: 20_000, responseHeadersMs: 20_000, bodyIdleMs: 20_000 };
/**
 * How long a half-closed tunnel stays open: short, so that thousands of them do not exhaust the
 * session.
 */
const halfClosedMs = 50;

interface Way {
  readonly name: string;
  readonly die: (tunnel: Duplex) => void;
}

const ends: Way = { name: 'ends', die: (tunnel) => tunnel.end() };
const resets: Way = { name: 'resets', die: (tunnel) => tunnel.destroy() };
const halfCloses: Way = {
  name: 'half-closes',
  die: (tunnel) => {
    tunnel.pause().end();
    setTimeout(() => tunnel.destroy(), halfClosedMs).unref();
  },
};

interface Moment {
  readonly name: string;
  /** The part of a response that the app sends. */
  readonly sends: string;
  /** Runs `die` at the right time after that part was sent. */
  readonly dies: (die: () => void) => unknown;
}

const whole = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nalso';
const tick = (die: () => void): void => {
  nextTick(die);
};
const asTheNextRequestArrives = (): void => undefined;

const afterResponse: readonly Moment[] = [
  { name: 'with the response', sends: whole, dies: tick },
  { name: 'a turn later', sends: whole, dies: setImmediate },
  { name: 'two turns later', sends: whole, dies: (die) => setImmediate(() => setImmediate(die)) },
  { name: '1 ms later', sends: whole, dies: (die) => setTimeout(die, 1) },
  { name: '2 ms later', sends: whole, dies: (die) => setTimeout(die, 2) },
  { name: '3 ms later', sends: whole, dies: (die) => setTimeout(die, 3) },
  { name: 'as the next request arrives', sends: whole, dies: asTheNextRequestArrives },
];

const atAnyMoment: readonly Moment[] = [
  { name: 'on the request', sends: '', dies: tick },
  { name: 'a turn after the request', sends: '', dies: setImmediate },
  { name: 'within the status line', sends: 'HTTP/1.1 2', dies: tick },
  { name: 'within the head', sends: 'HTTP/1.1 200 OK\r\nContent-Le', dies: tick },
  { name: 'after the head', sends: 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n', dies: tick },
  { name: 'within the body', sends: whole.slice(0, -2), dies: tick },
  { name: 'within a chunk', sends: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nal', dies: tick },
  { name: 'at the end of a body without length', sends: 'HTTP/1.1 200 OK\r\n\r\nalso', dies: tick },
  { name: 'after an interim response', sends: 'HTTP/1.1 103 Early Hints\r\n\r\n', dies: tick },
  { name: 'as announced', sends: whole.replace('\r\n', '\r\nConnection: close\r\n'), dies: tick },
  ...afterResponse,
];

interface Fate {
  readonly way: Way;
  readonly moment: Moment;
}

class DyingApp {
  tunnels = 0;
  #exchanges = 0;
  readonly #fates: readonly Fate[];

  constructor(fates: readonly Fate[]) {
    this.#fates = fates;
  }

  readonly accept = (tunnel: Duplex): void => {
    this.tunnels += 1;
    let received = '';
    let next: (() => void) | undefined;
    tunnel.on('error', () => undefined);
    tunnel.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
      // The rest of a body has no request line.
      if (!/ HTTP\/1\.1\r\n[^]*\r\n\r\n/.test(received)) return;
      received = '';
      if (next === undefined) next = this.#serve(tunnel);
      else next();
    });
  };

  /** Returns what to do on the next request of this tunnel. */
  #serve(tunnel: Duplex): (() => void) | undefined {
    const fate = this.#fates[this.#exchanges % this.#fates.length];
    assert.ok(fate);
    this.#exchanges += 1;
    const { moment, way } = fate;
    const die = (): void => {
      if (tunnel.writable) way.die(tunnel);
    };
    if (tunnel.writable && moment.sends !== '') tunnel.write(moment.sends, 'latin1');
    moment.dies(die);
    return moment.dies === asTheNextRequestArrives ? die : undefined;
  }
}

interface Kind {
  readonly method: string;
  readonly headers: readonly string[];
}

const get: Kind = { method: 'GET', headers: [] };
const kinds: readonly Kind[] = [
  get,
  { method: 'POST', headers: ['Content-Length', '4'] },
  { method: 'POST', headers: ['Transfer-Encoding', 'chunked'] },
  { method: 'POST', headers: ['Content-Length', '4', 'Expect', '100-continue'] },
  { method: 'GET', headers: ['Connection', 'Upgrade', 'Upgrade', 'echo'] },
];

/** `200 also`, a status with its code, or `cut`. */
async function exchange(port: number, agent: Agent, { method, headers }: Kind): Promise<string> {
  const all = ['Host', 'a', 'X-API-Key', key, ...headers];
  const outgoing = request({ host: '127.0.0.1', port, path: '/peer/app/exchange', method, headers: all, agent });
  if (method === 'POST') outgoing.end('body');
  else outgoing.end();
  const [message] = (await once(outgoing, 'response')) as [IncomingMessage];
  const body = await text(message).catch(() => undefined);
  if (body === undefined) return 'cut';
  return message.statusCode === 200
    ? `200 ${body}`
    : `${message.statusCode ?? 0} ${(JSON.parse(body) as { code: string }).code}`;
}

interface Played {
  readonly outcomes: ReadonlyMap<string, number>;
  readonly exchanges: number;
  readonly tunnels: number;
}

async function play(t: TestContext, fates: readonly Fate[], rounds: number, of: readonly Kind[]): Promise<Played> {
  guardLoop(t);
  const app = new DyingApp(fates);
  const { gateway, port } = await startTunnelGateway(t, () => undefined, {
    accept: app.accept,
    policy: { timeouts: { ...timeouts, totalMs: 0, overrides: [] } },
  });
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  t.after(() => {
    agent.destroy();
  });
  const exchanges = rounds * fates.length;
  const outcomes = new Map<string, number>();
  const stalls = monitorEventLoopDelay({ resolution: 10 });
  stalls.enable();
  let begun = 0;
  const client = async (): Promise<void> => {
    while (begun < exchanges) {
      const kind = of[begun % of.length] ?? get;
      begun += 1;
      const outcome = await exchange(port, agent, kind);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  stalls.disable();
  const stallMs = stalls.max / 1e6;
  t.diagnostic(`${exchanges} exchanges over ${app.tunnels} tunnels, longest turn ${Math.round(stallMs)} ms`);
  t.diagnostic([...outcomes].map(([outcome, count]) => `${outcome}: ${count}`).join(', '));
  assert.ok(stallMs < maxStallMs, `the loop stood still for ${stallMs} ms`);
  // Dead tunnels leave nothing behind.
  while (gateway.status().tunnels.some(({ active }) => active > 0))
    await new Promise((resolve) => setImmediate(resolve));
  return { outcomes, exchanges, tunnels: app.tunnels };
}

const crossed = (moments: readonly Moment[], ways: readonly Way[]): Fate[] =>
  moments.flatMap((moment) => ways.map((way) => ({ moment, way })));

test('a repeatable request is not affected by a tunnel that died after the previous response', async (t) => {
  // A reset that follows at once may overtake the response, which is then incomplete.
  const fates = [...crossed(afterResponse, [ends, halfCloses]), ...crossed(afterResponse.slice(-1), [resets])];
  const { outcomes, exchanges, tunnels } = await play(t, fates, 180, [get]);
  assert.deepEqual([...outcomes], [['200 also', exchanges]]);
  // Each request may be retried once.
  assert.ok(tunnels <= 2 * exchanges, `${tunnels} tunnels`);
});

test('every exchange with an app that dies at any moment ends, complete or with a named reason', async (t) => {
  const fates = crossed(atAnyMoment, [ends, resets, halfCloses]);
  const { outcomes, exchanges, tunnels } = await play(t, fates, 60, kinds);
  const named = new Set(['200 also', '502 tunnel_failed', '502 lease_unreachable', '502 bad_upstream_response', 'cut']);
  assert.deepEqual(
    [...outcomes.keys()].filter((outcome) => !named.has(outcome)),
    [],
  );
  // Each request may be retried once.
  assert.ok(tunnels <= 2 * exchanges, `${tunnels} tunnels`);
});
