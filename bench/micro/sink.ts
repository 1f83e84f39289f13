// Measures what the structure of the pipeline costs. Compares a bare Node proxy (node:http in,
// undici out), the same proxy behind our server's Exchange and Sink, and the whole gateway with
// every stage and our own pool. All of them talk to one app over TCP, without relay or tunnel.
// Interleaved rounds, medians.
// Run: node bench/micro/sink.ts [rounds] [seconds per round]
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { Pool, type Dispatcher } from 'undici';
import { noHeaders, type Flow, type Sink } from '../../src/kernel/http/http.ts';
import type { Dispatch } from '../../src/pipeline/stage.ts';
import { smallRequests, type Target } from '../load.ts';
import { key } from '../../test/helpers/policy.ts';
import { cpuSeconds, startNode, type Peer } from '../process.ts';

const self = fileURLToPath(import.meta.url);

/**
 * Passes undici's response to a sink: does as much as the bare proxy, but through our interface.
 */
class SinkHandler implements Dispatcher.DispatchHandler, Flow {
  readonly endsByClose = false;
  readonly #sink: Sink;
  #controller: Dispatcher.DispatchController | undefined;

  constructor(sink: Sink) {
    this.#sink = sink;
  }
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
  }
  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    const raw = (controller.rawHeaders as Buffer[]).map((part) => part.toString('latin1'));
    this.#sink.head(status, raw, this);
  }
  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#sink.data(chunk)) controller.pause();
  }
  onResponseEnd(): void {
    this.#sink.end(noHeaders);
  }
  onResponseError(_controller: unknown, error: Error): void {
    throw error;
  }
  pause(): void {
    this.#controller?.pause();
  }
  resume(): void {
    this.#controller?.resume();
  }
  abort(error: Error): void {
    this.#controller?.abort(error);
  }
}

function sinkOnly(appPort: string): Dispatch {
  const pool = new Pool(`http://127.0.0.1:${appPort}`, { connections: 64 });
  return (exchange, sink) => {
    const { method, target, headers: received } = exchange.req;
    const headers = received.filter((_, i, all) => !/^(connection|host|expect)$/i.test(all[i - (i % 2)] ?? ''));
    pool.dispatch({ path: target, method, headers, body: null }, new SinkHandler(sink));
  };
}

async function serve(kind: string, appPort: string): Promise<void> {
  const { testPolicy } = await import('../../test/helpers/policy.ts');
  const policy = testPolicy();
  const listener = { host: '127.0.0.1', port: 0 };
  if (kind === 'sink') {
    const { HttpServer } = await import('../../src/server/http-server.ts');
    const server = new HttpServer({
      ...listener,
      policy: () => policy,
      dispatch: sinkOnly(appPort),
    });
    console.log(`http://127.0.0.1:${(await server.listen()).port}`);
    return;
  }
  const { createGateway } = await import('../../src/gateway/gateway.ts');
  const { PlainTransport } = await import('../../test/helpers/plain-transport.ts');
  const transports = [new PlainTransport([{ name: 'bench', port: Number(appPort) }])];
  const gateway = createGateway({ ...listener, policy, transports });
  console.log(`http://127.0.0.1:${(await gateway.listen()).port}/peer/bench`);
}

async function compare(rounds: number, seconds: number): Promise<void> {
  const app = await startNode('bench/peers/app.ts', []);
  const contenders: { name: string; peer: Peer; target: Target; cpu: number[]; perSecond: number[] }[] = [];
  async function add(name: string, started: Promise<Peer>, url: (ready: string) => string): Promise<void> {
    const peer = await started;
    const target = { url: url(peer.ready), headers: { authorization: `Bearer ${key}` } };
    contenders.push({ name, peer, target, cpu: [], perSecond: [] });
  }
  await add('direct pipe', startNode('bench/peers/direct-pipe.ts', [app.ready]), (port) => `http://127.0.0.1:${port}`);
  await add('exchange and sink', startNode(self, ['serve', 'sink', app.ready]), (url) => url);
  await add('whole gateway', startNode(self, ['serve', 'gateway', app.ready]), (url) => url);

  for (const { target } of contenders) await smallRequests(target, 2); // warm up
  for (let round = 0; round < rounds; round += 1) {
    for (const { peer, target, cpu, perSecond } of contenders) {
      const before = cpuSeconds(peer.pid);
      const { requests, requestsPerSecond } = await smallRequests(target, seconds);
      cpu.push(((cpuSeconds(peer.pid) - before) * 10_000) / requests);
      perSecond.push(requestsPerSecond);
    }
  }
  const base = median(contenders[0]?.cpu ?? []);
  for (const { name, cpu, perSecond } of contenders) {
    const cost = median(cpu);
    const ratio = (cost / base).toFixed(2);
    console.log(
      `${name.padEnd(18)} ${cost.toFixed(3)} CPU s per 10k  ${ratio}x  ${Math.round(median(perSecond))} req/s`,
    );
  }
  await Promise.all([app, ...contenders.map(({ peer }) => peer)].map((peer) => peer.stop()));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

const [first, kind, appPort] = process.argv.slice(2);
if (first === 'serve') await serve(kind ?? '', appPort ?? '');
else await compare(Number(first ?? 5), Number(kind ?? 3));
