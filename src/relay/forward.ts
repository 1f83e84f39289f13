// Owns a forwarded connection: two pipes, each the other's source, until both have ended or one is lost. Holds at most what the
// windows allow: a peer is credited for what the other side has taken. Never looks into the bytes.
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
  /** For what the app, and what the client, has not taken. */
  readonly fromClient: HeldMemory;
  readonly fromApp: HeldMemory;
  readonly swept: Set<Swept>;
}

/**
 * Joins the two. FIN passes and leaves the other direction open. RST passes as RST, and so does the loss of either session:
 * an app or a client that is gone must not look like a clean end; so does a direction that holds more than there is memory for.
 * `closed` is called once.
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

/** One way: hears the source, and its drain() is room for what goes the other way. */
class Direction implements PipeHandler {
  back: Direction | undefined;
  bytes = 0;
  ended = false;
  readonly #source: Pipe;
  readonly #target: Pipe;
  readonly #held: HeldMemory;
  readonly #finish: (outcome: ForwardOutcome['outcome']) => void;
  #blocked = false;
  /** Received while the target was full, and not credited to the source yet. */
  #owedBytes = 0;

  constructor(source: Pipe, target: Pipe, held: HeldMemory, finish: (outcome: ForwardOutcome['outcome']) => void) {
    this.#source = source;
    this.#target = target;
    this.#held = held;
    this.#finish = finish;
  }

  /** What came before the two were joined; it was credited already. */
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
    // A relay's carriers are accepted ones, whose chunks may be kept: nothing is copied on the way through.
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

  /** What the target has not taken is held for both sides. Where that is too much, the connection is lost. */
  count(): void {
    if (this.#held.hold(this.#target.queuedBytes)) return;
    this.#source.reset();
    this.#target.reset();
    this.#finish('aborted');
  }

  /** The target takes more. */
  room(): void {
    if (!this.#blocked) return;
    this.#blocked = false;
    const owedBytes = this.#owedBytes;
    this.#owedBytes = 0;
    if (owedBytes > 0) this.#source.consumed(owedBytes);
    this.count();
  }
}
