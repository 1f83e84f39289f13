// Limits the time that a client takes for a request head on an HTTP/2 connection. Node reports a
// head only once it is complete, but `lastProcStreamID` changes when its first frame arrives. It
// also changes for a head that nghttp2 rejected and never reports. A PING distinguishes the two,
// because its acknowledgement cannot come within a head (RFC 9113 §6.10).
import type { ServerHttp2Session } from 'node:http2';
import type { Clock } from '../../kernel/clock.ts';
import { Deadline, type Deadlines, type Expiring } from '../../kernel/work/deadlines.ts';
import type { ServerHost } from '../server-host.ts';

/** Checks in each time limit: a slow head is detected at most two checks late, and never early. */
const looks = 4;

export class Http2HeadWatch implements Expiring {
  readonly #session: ServerHttp2Session;
  readonly #deadlines: Deadlines;
  readonly #clock: Clock;
  readonly #timeoutMs: () => number;
  readonly #late: () => void;
  readonly #deadline = new Deadline(this);
  /** Heads up to this stream are complete. */
  #completeId = 0;
  /** The stream whose head may be incomplete; 0: none. */
  #openId = 0;
  #openSinceMs = 0;

  /** `late`: called at most once, when a head was not complete in time. */
  constructor(
    session: ServerHttp2Session,
    { deadlines, clock }: Pick<ServerHost, 'deadlines' | 'clock'>,
    timeoutMs: () => number,
    late: () => void,
  ) {
    this.#session = session;
    this.#deadlines = deadlines;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#late = late;
    this.#arm();
  }

  /** The head of this stream is complete, and so are those of all earlier streams. */
  complete(streamId: number): void {
    if (streamId > this.#completeId) this.#completeId = streamId;
  }

  end(): void {
    this.#deadlines.disarm(this.#deadline);
  }

  expired(): void {
    const id = this.#session.state.lastProcStreamID ?? 0;
    if (id <= this.#completeId) this.#openId = 0;
    else if (id !== this.#openId) this.#opened(id);
    else if (this.#clock.monotonicMs() - this.#openSinceMs >= this.#timeoutMs()) {
      this.#late();
      return;
    }
    this.#arm();
  }

  #opened(id: number): void {
    this.#openId = id;
    this.#openSinceMs = this.#clock.monotonicMs();
    this.#session.ping((error) => {
      if (error === null) this.complete(id);
    });
  }

  #arm(): void {
    this.#deadlines.arm(this.#deadline, Math.ceil(this.#timeoutMs() / looks));
  }
}
