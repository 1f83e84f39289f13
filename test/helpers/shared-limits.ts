// Several gateways in separate processes that share one rate limit in a real Redis, and callers
// that exceed it.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { startCli, temporaryDirectory, type CliProcess } from './cli.ts';
import { publishDemo, startRelay } from './published-demo.ts';
import { markedKey } from '../secrecy/marks.ts';

const key = markedKey('test');

export interface Rate {
  readonly requestsPerSecond: number;
  readonly burst: number;
}

/** The result of one request, and the two times between which the gateway decided about it. */
export interface Asked {
  readonly sentMs: number;
  readonly respondedMs: number;
  /** 0: there was no response. */
  readonly status: number;
}

export interface Replicas {
  readonly all: readonly CliProcess[];
  /** Sends `perSecond` requests per second for `seconds`, to the gateways in rotation. */
  offer(perSecond: number, seconds: number): Promise<readonly Asked[]>;
  metrics(): Promise<readonly string[]>;
}

interface ReplicasOptions {
  readonly rate: Rate;
  /** The scope of the limit. Default: per key. */
  readonly of?: 'per_key' | 'per_ip';
  readonly count?: number;
  /** More of the configuration. */
  readonly more?: string;
}

/** Sends one request to each gateway before it returns. */
export async function startReplicas(
  t: TestContext,
  redis: { readonly url: string; readonly caFile?: string },
  { rate, of = 'per_key', count = 3, more = '' }: ReplicasOptions,
): Promise<Replicas> {
  const directory = await temporaryDirectory(t);
  const { url: relay } = await startRelay(t);
  await publishDemo(t, relay, 'demo');
  const file = join(directory, 'gateway.yaml');
  const limit = `{ requests_per_second: ${rate.requestsPerSecond}, burst: ${rate.burst} }`;
  await writeFile(
    file,
    `lease_acl: { demo: ["*"] }
rate_limit:
  ${of}: ${of === 'per_key' ? `{ default: ${limit} }` : limit}
  storage: { type: redis, redis: { url: "${redis.url}", ca_file: "${redis.caFile ?? ''}" } }
${more}
`,
  );
  const started = Array.from({ length: count }, async () => {
    const args = ['start', '--config', file, '--port', '0', '--relay', relay];
    const cli = startCli(t, args, { XDG_STATE_HOME: directory, GATEWAY_API_KEY: key });
    const [, url = ''] = await cli.line(/"url":"(http:[^"]+)".*"message":"listening"/);
    await cli.line(/relay connected/);
    return { cli, url };
  });
  const gateways = await Promise.all(started);
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  t.after(() => {
    agent.destroy();
  });
  const ask = (url: string): Promise<Asked> =>
    new Promise((resolve) => {
      const sentMs = performance.now();
      const responded = (status: number): void => {
        resolve({ sentMs, respondedMs: performance.now(), status });
      };
      get(`${url}/peer/demo/status/200`, { agent, headers: { 'x-api-key': key } }, (reply) => {
        reply.resume().on('end', () => {
          responded(reply.statusCode ?? 0);
        });
      }).on('error', () => {
        responded(0);
      });
    });
  // Dials the app first, because the dial is not measured.
  await Promise.all(gateways.map(({ url }) => ask(url)));
  return {
    all: gateways.map(({ cli }) => cli),
    offer: async (perSecond, seconds) => {
      const asked: Promise<Asked>[] = [];
      const startMs = performance.now();
      while (asked.length < perSecond * seconds) {
        const due = Math.min(perSecond * seconds, ((performance.now() - startMs) * perSecond) / 1000);
        while (asked.length < due) asked.push(ask(gateways[asked.length % count]?.url ?? ''));
        await pause(2);
      }
      return Promise.all(asked);
    },
    metrics: () => Promise.all(gateways.map(async ({ url }) => (await fetch(`${url}/metrics`)).text())),
  };
}

export function admitted(asked: readonly Asked[]): number {
  return asked.filter(({ status }) => status === 200).length;
}

/**
 * Bounds, in seconds, on the time over which the requests were counted, as observed by the client.
 */
function spanOf(asked: readonly Asked[]): { readonly least: number; readonly most: number } {
  const sent = asked.map(({ sentMs }) => sentMs);
  const responded = asked.map(({ respondedMs: respondedMs }) => respondedMs);
  const [firstSent, lastSent] = [Math.min(...sent), Math.max(...sent)];
  const [firstAnswered, lastAnswered] = [Math.min(...responded), Math.max(...responded)];
  return { least: Math.max(0, lastSent - firstAnswered) / 1000, most: (lastAnswered - firstSent) / 1000 };
}

/**
 * Asserts that the number of admitted requests is at most the refill plus a full bucket, and at
 * least the refill plus `inBucket`.
 */
export function assertWithin(t: TestContext, asked: readonly Asked[], rate: Rate, inBucket: number): void {
  const { least, most } = spanOf(asked);
  const count = admitted(asked);
  const slowestMs = Math.max(...asked.map(({ sentMs, respondedMs: respondedMs }) => respondedMs - sentMs));
  const span = `${least.toFixed(2)} to ${most.toFixed(2)} s`;
  const words = `${count} of ${asked.length} were admitted in ${span}, the slowest answer took ${slowestMs.toFixed(0)} ms`;
  t.diagnostic(words);
  assert.ok(count <= 1.01 * (rate.burst + rate.requestsPerSecond * most), words);
  // A full bucket does not refill, so on a machine too slow to keep it drained the lower bound does
  // not hold.
  if (slowestMs > (1_000 * rate.burst) / rate.requestsPerSecond)
    t.diagnostic('the machine is too slow for a stricter check');
  else assert.ok(count >= 0.99 * (inBucket + rate.requestsPerSecond * least), words);
}
