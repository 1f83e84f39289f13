// One of our mux sessions, with the test as its peer, frame by frame.
import { PortalError } from '../../src/portal/errors.ts';
import type { Pipe } from '../../src/portal/yamux/pipe.ts';
import { Mux, type MuxHandler, type MuxOptions } from '../../src/portal/yamux/mux.ts';
import { describeFrame, parseFrames, rawFrame } from './mux-frames.ts';
import { PipeRecorder } from './mux-recorder.ts';
import { ScriptedCarrier, settle } from './mux-scripted-carrier.ts';

export class MuxPeer implements MuxHandler {
  readonly carrier: ScriptedCarrier = new ScriptedCarrier();
  readonly mux: Mux;
  /** Streams that this side opened to our session, in order. */
  readonly offered: Pipe[] = [];
  goAways = 0;
  closings: (PortalError | undefined)[] = [];

  constructor(options: Partial<MuxOptions> = {}) {
    this.mux = new Mux(this.carrier, { role: 'server', tolerance: 'tolerant', keepalive: false, ...options }, this);
  }

  stream(pipe: Pipe): void {
    this.offered.push(pipe);
  }

  goAway(): void {
    this.goAways += 1;
  }

  close(error: PortalError | undefined): void {
    this.closings.push(error);
  }

  feed(type: number, flags: number, id: number, length: number, body?: Buffer): void {
    this.carrier.feed(rawFrame(type, flags, id, length, body));
  }

  accept(mode: 'greedy' | 'by hand' = 'greedy'): PipeRecorder {
    const pipe = this.offered.shift();
    if (pipe === undefined) throw new Error('no stream was offered');
    return new PipeRecorder(pipe, mode);
  }

  async open(mode: 'greedy' | 'by hand' = 'greedy'): Promise<PipeRecorder> {
    return new PipeRecorder(await this.mux.open(), mode);
  }

  /** The frames that the session sent since the last call, as text: `WindowUpdate SYN 1 0`. */
  async sent(): Promise<string[]> {
    await settle();
    return parseFrames(this.carrier.take()).map(describeFrame);
  }
}

/** The code of the PortalError with which the promise rejects; 'no error' when it resolves. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'no error';
  } catch (error) {
    return error instanceof PortalError ? error.code : `not a PortalError: ${String(error)}`;
  }
}
