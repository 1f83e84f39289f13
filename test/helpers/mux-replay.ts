// Replays a recorded yamux transcript against one of our sessions: makes the calls of its side,
// feeds it the other side's bytes, and compares what it sends and what its callers see. The test
// decides about the results.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { PortalError } from '../../src/portal/errors.ts';
import type { Pipe } from '../../src/portal/yamux/pipe.ts';
import { Mux } from '../../src/portal/yamux/mux.ts';
import { describeFrame, parseFrames, types } from './mux-frames.ts';
import { PipeRecorder } from './mux-recorder.ts';
import { ScriptedCarrier, settle } from './mux-scripted-carrier.ts';

export type Side = 'client' | 'server';
interface Payload {
  readonly hex?: string;
  readonly payloadLen?: number;
  readonly payloadRule?: { readonly mul: number; readonly add: number; readonly start: number };
  readonly payloadSha256?: string;
}
export interface Step extends Payload {
  readonly do?: string;
  readonly see?: string;
  readonly from?: Side;
  readonly end?: Side;
  readonly note?: string;
  readonly by?: Side;
  readonly stream?: number;
  readonly bufferSize?: number;
  readonly ms?: number;
  readonly atMs?: number;
  readonly error?: string | null;
  readonly closed?: boolean;
  readonly streams?: number;
}
type Setting = { readonly maxStreamWindow: number; readonly keepAlive: boolean } | 'written by hand';
export interface Transcript {
  readonly name: string;
  readonly client: Setting;
  readonly server: Setting;
  readonly goAwayCode1SeenBeforeTheEnd?: unknown;
  readonly steps: readonly Step[];
}

/**
 * Go's errors and the codes that our callers see for them, where both sides have the same concept.
 */
const codes: Readonly<Record<string, readonly string[]>> = {
  ErrRemoteGoAway: ['session_goaway'],
  ErrConnectionReset: ['stream_reset', 'stream_aborted'],
  ErrKeepAliveTimeout: ['keepalive_timeout'],
  ErrSessionShutdown: ['stream_open_timeout'],
  ErrInvalidVersion: ['session_protocol'],
  ErrInvalidMsgType: ['session_protocol'],
  ErrRecvWindowExceeded: ['session_protocol'],
  ErrDuplicateStream: ['session_protocol'],
  ErrUnexpectedFlag: ['session_protocol'],
  'yamux protocol error': ['session_remote_error'],
  'remote yamux internal error': ['session_remote_error'],
  'unexpected go away received': ['session_remote_error'],
  EOF: ['carrier_closed'],
};

export interface ReplayOptions {
  readonly transcript: Transcript;
  readonly side: Side;
  readonly tolerance: 'tolerant' | 'strict';
  /** Advances the mocked clock. */
  readonly tick: (ms: number) => void;
  readonly now: () => number;
  /** Steps whose result differs here; the test itself asserts them. */
  readonly otherwise?: (step: Step) => boolean;
}

export class Replay {
  readonly #options: ReplayOptions;
  readonly carrier: ScriptedCarrier = new ScriptedCarrier();
  readonly mux: Mux;
  readonly recorders: Map<number, PipeRecorder>;
  readonly #offered: Pipe[] = [];
  readonly #opens: Promise<Pipe | PortalError>[] = [];
  readonly #pings: Promise<number>[] = [];
  readonly #reads: { recorder: PipeRecorder; bufferSize: number; result: Buffer | undefined }[] = [];
  readonly #startMs: number;
  #waitUntilMs = 0;
  closeError: PortalError | undefined;
  wentAway = 0;
  expected: Buffer = Buffer.alloc(0);
  sent: Buffer = Buffer.alloc(0);

  constructor(options: ReplayOptions) {
    this.#options = options;
    this.recorders = new Map();
    this.#startMs = options.now();
    const setting = options.transcript[options.side];
    assert.ok(setting !== 'written by hand');
    this.mux = new Mux(
      this.carrier,
      {
        role: options.side,
        tolerance: options.tolerance,
        receiveWindowBytes: setting.maxStreamWindow,
        ...(setting.keepAlive ? {} : { keepalive: false as const }),
        clock: { monotonicMs: options.now, wallMs: options.now },
      },
      {
        stream: (pipe) => this.#offered.push(pipe),
        goAway: () => (this.wentAway += 1),
        close: (error) => (this.closeError = error),
      },
    );
  }

  async run(): Promise<void> {
    for (const step of this.#options.transcript.steps) await this.#step(step);
    await this.#settle();
  }

  async #step(step: Step): Promise<void> {
    const { side } = this.#options;
    if (step.atMs !== undefined) await this.#advance(this.#startMs + step.atMs);
    if (step.from === side) {
      this.expected = Buffer.concat([this.expected, payload(step)]);
      return;
    }
    if (step.atMs === undefined) await this.#advance(this.#waitUntilMs);
    await this.#settle();
    if (step.from !== undefined) this.carrier.feed(payload(step));
    else if (step.note !== undefined) await this.#note(step.note);
    else if (step.do === 'wait') this.#waitUntilMs = this.#options.now() + (step.ms ?? 0);
    else if (step.do !== undefined && step.by === side) this.#do(step);
    else if (step.end !== undefined) {
      if (step.end === side) assert.ok(this.carrier.closed, 'the session is over');
      else this.carrier.endByPeer();
    } else if (step.see !== undefined && step.by === side && !(this.#options.otherwise?.(step) ?? false))
      await this.#see(step);
  }

  #do(step: Step): void {
    const recorder = (): PipeRecorder => this.#recorder(step);
    switch (step.do ?? '') {
      case 'open':
        this.#opens.push(this.mux.open().catch((error: unknown) => error as PortalError));
        return;
      case 'accept': {
        const pipe = this.#offered.shift();
        if (pipe !== undefined) this.recorders.set(pipe.id, new PipeRecorder(pipe, 'by hand'));
        return;
      }
      case 'write':
        recorder().pipe.write([payload(step)]);
        return;
      case 'read':
        if (!this.recorders.has(step.stream ?? -1)) return;
        this.#reads.push({ recorder: recorder(), bufferSize: step.bufferSize ?? 0, result: undefined });
        return;
      case 'close':
        recorder().pipe.end();
        return;
      case 'ping':
        this.#pings.push(this.mux.ping());
        return;
      case 'goAway':
        this.mux.goAway();
        return;
      case 'closeSession':
        this.mux.close();
        return;
      default:
        assert.fail(`unknown call ${step.do}`);
    }
  }

  async #see(step: Step): Promise<void> {
    switch (step.see ?? '') {
      case 'open': {
        const result = await this.#opens.shift();
        if (step.error == null) {
          assert.ok(result !== undefined && 'id' in result, 'opened');
          assert.equal(result.id, step.stream);
          this.recorders.set(result.id, new PipeRecorder(result, 'by hand'));
        } else assert.ok(result !== undefined && 'code' in result && codes[step.error]?.includes(result.code));
        return;
      }
      case 'accept':
        assert.ok(this.recorders.has(step.stream ?? -1), `stream ${step.stream} was offered`);
        return;
      case 'read': {
        const read = this.#reads.shift();
        assert.ok(read !== undefined);
        if (step.error == null) {
          assert.deepEqual(read.result, payload(step));
          return;
        }
        assert.equal(read.result, undefined);
        if (step.error === 'EOF') assert.ok(read.recorder.ended || read.recorder.failure !== undefined, 'the end');
        else assert.ok(codes[step.error]?.includes(read.recorder.failure?.code ?? ''), step.error);
        return;
      }
      case 'write':
        // Written data is compared as bytes sent; a write that fails in Go sends nothing here.
        return;
      case 'ping':
        assert.ok(Number.isFinite(await this.#pings.shift()));
        return;
      case 'session':
        assert.equal(this.mux.state === 'closed', step.closed, 'closed');
        if (step.closed !== true) assert.equal(this.mux.streamCount, step.streams, 'streams');
        else if (step.error != null) {
          const codesWanted = codes[step.error] ?? [];
          if (step.error !== 'EOF') assert.ok(codesWanted.includes(this.closeError?.code ?? ''), step.error);
        }
        return;
      default:
        assert.fail(`unknown result ${step.see}`);
    }
  }

  async #note(note: string): Promise<void> {
    if (note.startsWith('256 opens')) {
      const pipes = await Promise.all(Array.from({ length: 256 }, () => this.mux.open()));
      assert.equal(pipes.at(-1)?.id, 511);
      await settle();
      this.carrier.take();
    } else if (note.startsWith('from here on')) this.carrier.block();
    else if (note.startsWith('the peer reads again')) this.carrier.unblock();
    else assert.fail(`unknown note: ${note}`);
  }

  async #settle(): Promise<void> {
    await settle();
    for (const read of this.#reads)
      if (read.result === undefined && read.recorder.unreadBytes > 0 && read.recorder.failure?.code !== 'stream_reset')
        read.result = read.recorder.read(read.bufferSize);
    await settle();
    this.sent = Buffer.concat([this.sent, this.carrier.take()]);
  }

  async #advance(toMs: number): Promise<void> {
    while (this.#options.now() < toMs) {
      this.#options.tick(1);
      // Settles only when a timer has sent something, so that long idle stretches cost nothing.
      if (this.carrier.sentBytes !== this.sent.length) await this.#settle();
    }
  }

  #recorder(step: Step): PipeRecorder {
    const recorder = this.recorders.get(step.stream ?? -1);
    assert.ok(recorder !== undefined, `a stream ${step.stream}`);
    return recorder;
  }
}

/**
 * Groups frames into lanes: one for each stream, one for pings, one for ping replies, one for
 * GoAways. The order is deterministic within a lane, but not between lanes. Consecutive data of a
 * stream, not interrupted by another frame of that stream, is joined into one run of bytes.
 */
export function lanes(bytes: Buffer): Record<string, string[]> {
  const result: Record<string, { text: string; body?: Buffer[] }[]> = {};
  for (const frame of parseFrames(bytes)) {
    const stream = frame.type === types.data || frame.type === types.windowUpdate;
    const lane = (result[stream ? `stream ${frame.id}` : `type ${frame.type} flags ${frame.flags}`] ??= []);
    const last = lane.at(-1);
    if (frame.type !== types.data || frame.flags !== 0) lane.push({ text: describeFrame(frame) });
    else if (last?.body === undefined) lane.push({ text: 'Data', body: [frame.body] });
    else last.body.push(frame.body);
  }
  return Object.fromEntries(
    Object.entries(result).map(([name, entries]) => [
      name,
      entries.map(({ text, body }) => (body === undefined ? text : `${text} ${summary(Buffer.concat(body))}`)),
    ]),
  );
}

function summary(bytes: Buffer): string {
  return `${bytes.length} bytes ${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}`;
}

export function payload(step: Payload): Buffer {
  if (step.hex !== undefined) return Buffer.from(step.hex, 'hex');
  const { mul = 0, add = 0, start = 0 } = step.payloadRule ?? {};
  const bytes = Buffer.alloc(step.payloadLen ?? 0);
  for (let index = 0; index < bytes.length; index += 1) bytes[index] = ((start + index) * mul + add) & 255;
  assert.equal(createHash('sha256').update(bytes).digest('hex'), step.payloadSha256);
  return bytes;
}
