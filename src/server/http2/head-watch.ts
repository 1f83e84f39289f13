// Bounds the time that a client takes for the head of a request on an HTTP/2 connection. Node shows a head only once it is complete,
// but `lastProcStreamID` moves when the first frame of it begins. A head that nghttp2 refused moves it, too, and shows nothing: a PING
// tells them apart, because its acknowledgement cannot come within a head (RFC 9113 §6.10).
import type { ServerHttp2Session } from 'node:http2';
import { systemClock } from '../../kernel/clock.ts';
import { Deadline, type Deadlines, type Expiring } from '../../kernel/work/deadlines.ts';

/** Looks for each time limit: a head ends at most two looks late, and never early. */
const looks = 4;

export class Http2HeadWatch implements Expiring {
  readonly #session: ServerHttp2Session;
  readonly #deadlines: Deadlines;
  readonly #timeoutMs: () => number;
  readonly #late: () => void;
  readonly #deadline = new Deadline(this);
  /** Heads up to this stream are complete. */
  #completeId = 0;
  /** The stream whose head may be incomplete; 0: none. */
  #openId = 0;
  #openSinceMs = 0;

  /** `late`: called once at most, when a head was not complete in time. */
  constructor(session: ServerHttp2Session, deadlines: Deadlines, timeoutMs: () => number, late: () => void) {
    this.#session = session;
    this.#deadlines = deadlines;
    this.#timeoutMs = timeoutMs;
    this.#late = late;
    this.#arm();
  }

  /** The head of this stream, and so of all before it, is complete. */
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
    else if (systemClock.monotonicMs() - this.#openSinceMs >= this.#timeoutMs()) {
      this.#late();
      return;
    }
    this.#arm();
  }

  #opened(id: number): void {
    this.#openId = id;
    this.#openSinceMs = systemClock.monotonicMs();
    this.#session.ping((error) => {
      if (error === null) this.complete(id);
    });
  }

  #arm(): void {
    this.#deadlines.arm(this.#deadline, Math.ceil(this.#timeoutMs() / looks));
  }
}
