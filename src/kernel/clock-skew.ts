// How far two clocks may differ before a tunnel or a lease is rejected, and the text that describes
// a difference (docs/protocol.md#clocks).

/**
 * In whole seconds, in either direction. The Go peers have the same limit in their handshake, so
 * this value cannot differ.
 */
export const clockToleranceSeconds = 30;

/**
 * Clock differences of at least this size are reported. Two machines that both differ less from the
 * relay's clock are within the tolerance of each other.
 */
const reportedSkewSeconds = clockToleranceSeconds / 2;

/** A reported difference is reported again after it has changed by this much. */
const changeSeconds = 5;

/**
 * `skewSeconds`: the first clock minus the second one. Example: "the clock of this machine is 40 s
 * behind the relay's"
 */
export function skewText(skewSeconds: number, first: string, second: string): string {
  const size = Math.round(Math.abs(skewSeconds));
  if (size === 0) return `the clock of ${first} agrees with ${second}`;
  return `the clock of ${first} is ${size} s ${skewSeconds < 0 ? 'behind' : 'ahead of'} ${second}`;
}

/**
 * Selects which measurements of a relay's clock to log: those where a difference begins,
 * changes or ends.
 */
class SkewLines {
  #reportedSeconds: number | undefined;

  take(skewSeconds: number): { readonly isFault: boolean; readonly text: string } | undefined {
    const before = this.#reportedSeconds;
    if (Math.abs(skewSeconds) < reportedSkewSeconds) {
      this.#reportedSeconds = undefined;
      if (before === undefined) return undefined;
      return { isFault: false, text: "the clock of this machine agrees with the relay's again" };
    }
    if (before !== undefined && Math.abs(skewSeconds - before) < changeSeconds) return undefined;
    this.#reportedSeconds = skewSeconds;
    const consequence =
      Math.abs(skewSeconds) > clockToleranceSeconds
        ? `tunnels to machines whose clock is more than ${clockToleranceSeconds} s off fail`
        : `tunnels fail from ${clockToleranceSeconds} s on`;
    const difference = skewText(skewSeconds, 'this machine', "the relay's");
    return { isFault: true, text: `${difference}; ${consequence}: correct the wrong clock` };
  }
}

/** SkewLines for several relays. */
export class RelaySkewLines {
  readonly #byRelay = new Map<string, SkewLines>();

  take(relay: string, skewSeconds: number): ReturnType<SkewLines['take']> {
    let lines = this.#byRelay.get(relay);
    if (lines === undefined) this.#byRelay.set(relay, (lines = new SkewLines()));
    return lines.take(skewSeconds);
  }
}
