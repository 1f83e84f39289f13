// An honest client of our relay: connects every few seconds, asks for the leases and finds the
// honest app among them.
import { connect, createCredential } from '../../src/portal/index.ts';

export interface VisitCounts {
  readonly made: number;
  readonly failed: readonly string[];
}

const timeoutMs = 10_000;

export class RelayVisits {
  readonly #url: string;
  readonly #credential = createCredential();
  readonly #failed: string[] = [];
  #made = 0;
  #timer: NodeJS.Timeout | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(url: string) {
    this.#url = url;
  }

  start(everyMs: number): void {
    this.#timer = setInterval(() => {
      this.#last = this.#visit();
    }, everyMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#last;
  }

  counts(): VisitCounts {
    return { made: this.#made, failed: [...this.#failed] };
  }

  async #visit(): Promise<void> {
    this.#made += 1;
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      const session = await connect(this.#url, { credential: this.#credential, signal });
      const { leases } = await session.info(signal).finally(() => session.close());
      if (!leases.some(({ name }) => name === 'honest')) throw new Error('the honest app is not listed');
    } catch (error) {
      this.#failed.push(`${new Date().toISOString()} ${String(error)}`);
    }
  }
}
