// A forwarded connection: copies between two pipes until both have ended or one is lost. Buffers at
// most the receive windows: a peer is credited for the bytes that the other side has taken. Does
// not inspect the bytes.
import type { Pipe, PipeHandler } from '../portal/yamux/pipe.ts';
import type { HandedOn } from './control-stream.ts';
import type { HeldMemory } from './memory-ledger.ts';
import type { Swept } from './relay-context.ts';

export interface ForwardOutcome {
  readonly outcome: 'ended' | 'aborted';
  readonly bytesFromClient: number;
  readonly bytesFromApp: number;
}

export interface ForwardMemory {
  /** Bytes that the app, or the client, has not taken yet. */
  readonly fromClient: HeldMemory;
  readonly fromApp: HeldMemory;
  readonly swept: Set<Swept>;
}

/**
 * Joins the two streams. FIN is forwarded and leaves the other direction open. RST is forwarded as
 * RST; so is the loss of either session, because a lost app or client must not look like a clean
 * end. A direction that exceeds its memory is reset, too. `closed` is called once.
 */
export function forward(
  client: HandedOn,
  app: HandedOn,
  memory: ForwardMemory,
  closed: (outcome: ForwardOutcome) => void,
): void {
  let open = true;
  const finish = (outcome: ForwardOutcome['outcome']): void => {
    if (!open) return;
    open = false;
    memory.swept.delete(swept);
    memory.fromClient.release();
    memory.fromApp.release();
    closed({ outcome, bytesFromClient: fromClient.bytes, bytesFromApp: fromApp.bytes });
  };
  const fromClient = new Direction(client.pipe, app.pipe, memory.fromClient, finish);
  const fromApp = new Direction(app.pipe, client.pipe, memory.fromApp, finish);
  fromClient.back = fromApp;
  fromApp.back = fromClient;
  const swept = {
    sweep: () => {
      fromClient.count();
      fromApp.count();
    },
  };
  memory.swept.add(swept);
  client.pipe.setHandler(fromClient);
  app.pipe.setHandler(fromApp);
  fromClient.begin(client);
  fromApp.begin(app);
}

/**
 * One direction: handles the input of its source. drain() of the source pipe says that the opposite
 * direction may write again.
 */
class Direction implements PipeHandler {
  back: Direction | undefined;
  bytes = 0;
  ended = false;
  readonly #source: Pipe;
  readonly #target: Pipe;
  readonly #held: HeldMemory;
  readonly #finish: (outcome: ForwardOutcome['outcome']) => void;
  #blocked = false;
  /** Bytes received while the target was full, not credited to the source yet. */
  #owedBytes = 0;

  constructor(source: Pipe, target: Pipe, held: HeldMemory, finish: (outcome: ForwardOutcome['outcome']) => void) {
    this.#source = source;
    this.#target = target;
    this.#held = held;
    this.#finish = finish;
  }

  /**
   * Forwards the bytes that arrived before the two streams were joined; they are credited already.
   */
  begin({ rest, ended }: HandedOn): void {
    if (rest.length > 0) {
      this.bytes += rest.length;
      this.#blocked = !this.#target.write([rest]);
      this.count();
    }
    if (ended) this.end();
  }

  data(chunk: Buffer): void {
    this.bytes += chunk.length;
    // The relay only accepts carriers, whose chunks may be kept, so nothing is copied.
    if (!this.#target.write([chunk])) this.#blocked = true;
    if (this.#blocked) this.#owedBytes += chunk.length;
    else this.#source.consumed(chunk.length);
    this.count();
  }

  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.#target.end();
    if (this.back?.ended === true) this.#finish('ended');
  }

  drain(): void {
    this.back?.room();
  }

  error(): void {
    this.#target.reset();
    this.#finish('aborted');
  }

  /**
   * Charges the bytes that the target has not taken to both sides. Resets the connection if that
   * exceeds a limit.
   */
  count(): void {
    if (this.#held.hold(this.#target.queuedBytes)) return;
    this.#source.reset();
    this.#target.reset();
    this.#finish('aborted');
  }

  /** The target has room again. */
  room(): void {
    if (!this.#blocked) return;
    this.#blocked = false;
    const owedBytes = this.#owedBytes;
    this.#owedBytes = 0;
    if (owedBytes > 0) this.#source.consumed(owedBytes);
    this.count();
  }
}
