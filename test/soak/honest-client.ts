// The honest client: requests at a steady pace over keep-alive connections, new ones and HTTP/2,
// each of which must complete. Latency counts from the time at which a request was due, so that a
// delayed client hides nothing.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { buffer } from 'node:stream/consumers';
import { host, servername } from './clients.ts';
import type { Targets } from './load.ts';
import type { Random } from './random.ts';

export interface HonestCounts {
  readonly sent: number;
  /** Sorted, without those of the warm-up. */
  readonly latenciesMs: readonly number[];
  readonly lost: readonly string[];
}

const timeoutMs = 10_000;
/**
 * The first requests compile code and verify the key: their latency is ignored, but they must not
 * be lost.
 */
const warmUpMs = 3_000;
const maxBodyBytes = 65_536;

export class HonestClient {
  readonly #targets: Targets;
  readonly #key: string;
  readonly #random: Random;
  readonly #agent: Agent;
  #session: ClientHttp2Session | undefined;
  #timer: NodeJS.Timeout | undefined;
  #sent = 0;
  #measuredFromMs = Infinity;
  readonly #latenciesMs: number[] = [];
  readonly #lost: string[] = [];
  readonly #underWay = new Set<Promise<void>>();

  constructor(targets: Targets, key: string, random: Random) {
    this.#targets = targets;
    this.#key = key;
    this.#random = random;
    this.#agent = new Agent({ keepAlive: true, ca: targets.gateway.ca, servername });
  }

  start(perSecond: number): void {
    const startMs = performance.now();
    this.#measuredFromMs = startMs + warmUpMs;
    let due = 0;
    this.#timer = setInterval(() => {
      for (; startMs + (due * 1_000) / perSecond <= performance.now(); due += 1) {
        this.#begin(startMs + (due * 1_000) / perSecond);
      }
    }, 5);
  }

  /** Resolves when no request is in flight. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#underWay);
    this.#session?.destroy();
    this.#agent.destroy();
  }

  counts(): HonestCounts {
    return { sent: this.#sent, latenciesMs: this.#latenciesMs.toSorted((a, b) => a - b), lost: [...this.#lost] };
  }

  #begin(dueMs: number): void {
    this.#sent += 1;
    const n = this.#sent;
    const done = this.#send(n).then(
      () => {
        if (dueMs >= this.#measuredFromMs) this.#latenciesMs.push(performance.now() - dueMs);
      },
      (error: unknown) => {
        const afterMs = Math.round(performance.now() - dueMs);
        const { code = '', message = '' } = error as Partial<NodeJS.ErrnoException>;
        this.#lost.push(`${new Date().toISOString()} request ${n} after ${afterMs} ms: ${code} ${message}`);
      },
    );
    this.#underWay.add(done);
    void done.finally(() => this.#underWay.delete(done));
  }

  async #send(n: number): Promise<void> {
    const signal = AbortSignal.timeout(timeoutMs);
    const body = n % 4 === 0 ? randomBytes(this.#random.between(1, maxBodyBytes)) : undefined;
    const path = `/request/${n}`;
    const how = n % 10 === 0 ? 'new connection' : n % 2 === 0 ? 'http/2' : 'kept connection';
    const { status, received } =
      how === 'http/2'
        ? await this.#overHttp2(path, body, signal)
        : await this.#overHttp1(path, body, signal, how === 'kept connection' ? this.#agent : false);
    if (status !== 200) throw new Error(`${how}: status ${status}: ${received.toString('latin1', 0, 300)}`);
    if (!received.equals(body ?? Buffer.from(path))) throw new Error(`${how}: ${received.length} other bytes`);
  }

  async #overHttp1(path: string, body: Buffer | undefined, signal: AbortSignal, agent: Agent | false): Promise<Reply> {
    const { gateway } = this.#targets;
    const outgoing = request({
      ...{ host, port: gateway.port, ca: gateway.ca, servername, agent, signal },
      path: `/peer/honest${path}`,
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        'x-gateway-key': this.#key,
        'content-type': 'application/octet-stream',
        ...(body !== undefined && { 'content-length': body.length }),
      },
    });
    outgoing.on('error', () => undefined);
    outgoing.end(body);
    const [message] = (await once(outgoing, 'response')) as [IncomingMessage];
    return { status: message.statusCode ?? 0, received: await buffer(message) };
  }

  async #overHttp2(path: string, body: Buffer | undefined, signal: AbortSignal): Promise<Reply> {
    const { gateway } = this.#targets;
    if (this.#session === undefined || this.#session.closed || this.#session.destroyed) {
      const session = connectHttp2(`https://${host}:${gateway.port}`, { ca: gateway.ca, servername });
      session.on('error', () => undefined);
      this.#session = session;
    }
    const stream = this.#session.request(
      {
        ':method': body === undefined ? 'GET' : 'POST',
        ':path': `/peer/honest${path}`,
        'x-gateway-key': this.#key,
        'content-type': 'application/octet-stream',
      },
      { endStream: body === undefined, signal },
    );
    // Errors that end the stream early also end the waits below.
    stream.on('error', () => undefined);
    if (body !== undefined) stream.end(body);
    const [fields] = (await once(stream, 'response')) as [Record<string, number>];
    return { status: fields[':status'] ?? 0, received: await buffer(stream) };
  }
}

interface Reply {
  readonly status: number;
  readonly received: Buffer;
}
