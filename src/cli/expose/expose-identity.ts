// The identity that `expose` publishes with: loads or creates it, locks it against other processes
// of this machine, and takes over from the process that holds it (`--replace`).
import { exposeIdentityPath } from '../../config/source/state-directory.ts';
import { claimIdentity, type IdentityLock, takeOverIdentity } from '../../expose/identity-lock.ts';
import { type ProcessRecord, processText } from '../../kernel/files/process-record.ts';
import { loadOrCreateIdentity } from '../../portal/identity-file.ts';
import type { Credential } from '../../portal/index.ts';
import type { CliContext } from '../context.ts';
import { type CliFault, temporaryFault } from '../fault.ts';
import { keptIdentity } from '../../gateway/state/kept-identity.ts';
import type { ExposeLine, ExposeOutput } from './expose-output.ts';

export interface IdentityOptions {
  readonly name: string;
  readonly identity?: string;
  readonly replace?: boolean;
}

/** How long an unreachable relay can delay the takeover. */
const otherRelaysPatienceMs = 15_000;
/**
 * Longer than a drain takes: up to 12 s until the lease has moved, and 5 s for requests in flight.
 */
const drainPatienceMs = 60_000;

export class ExposeIdentity {
  readonly credential: Credential;
  /** Resolves with the process that asks this one to drain; never rejects. */
  readonly drainRequest: Promise<ProcessRecord>;
  readonly #file: string;
  readonly #output: Pick<ExposeOutput, 'line'>;
  readonly #stop = new AbortController();
  readonly #requestDrain: (successor: ProcessRecord) => void;
  #lock: IdentityLock | undefined;
  /** The process to take over from, as far as it is known. */
  #toReplace: { readonly holder: ProcessRecord | undefined } | undefined;
  readonly #publishedOn = new Set<string>();
  #patience: NodeJS.Timeout | undefined;
  #takingOver: Promise<void> | undefined;

  private constructor(file: string, credential: Credential, output: Pick<ExposeOutput, 'line'>) {
    this.credential = credential;
    this.#file = file;
    this.#output = output;
    const { promise, resolve } = Promise.withResolvers<ProcessRecord>();
    this.drainRequest = promise;
    this.#requestDrain = resolve;
  }

  /**
   * Throws CliFault while another process of this machine publishes with the identity, unless it is
   * to be replaced.
   */
  static async open(
    options: IdentityOptions,
    context: Pick<CliContext, 'environment'>,
    output: Pick<ExposeOutput, 'line'>,
  ): Promise<ExposeIdentity> {
    const { name, replace = false } = options;
    const file = options.identity ?? exposeIdentityPath(context.environment().stateDirectory, name);
    const identity = new ExposeIdentity(file, await credentialOf(options, file, output), output);
    const claim = await claimIdentity(file);
    if (claim.kind === 'locked') identity.#hold(claim.lock);
    else if (claim.kind === 'held' && replace) identity.#toReplace = claim;
    else if (claim.kind === 'held') throw inUse(file, claim.holder);
    // Replicas on other machines may share a mounted identity, so this is not an error. Relays
    // reveal when two publish at the same time.
    else if (replace)
      output.line(warning(`--replace has no effect: cannot create a lock beside ${file} (${claim.reason}).`));
    return identity;
  }

  /**
   * Reports that the lease is published on one of `relays`. The process to be replaced is asked to
   * drain once the lease is on all of them, or after 15 s on some: requests on a relay that this
   * process does not reach would be lost.
   */
  publishedOn(relay: string, relays: readonly string[]): void {
    const toReplace = this.#toReplace;
    if (toReplace === undefined) return;
    this.#publishedOn.add(relay);
    this.#patience ??= setTimeout(() => {
      this.#takeOverOnce(toReplace.holder);
    }, otherRelaysPatienceMs).unref();
    if (relays.every((one) => this.#publishedOn.has(one))) this.#takeOverOnce(toReplace.holder);
  }

  /** Idempotent. */
  async release(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#patience);
    await this.#takingOver;
    await this.#lock?.release();
  }

  #takeOverOnce(holder: ProcessRecord | undefined): void {
    if (!this.#stop.signal.aborted) this.#takingOver ??= this.#takeOver(holder);
  }

  async #takeOver(holder: ProcessRecord | undefined): Promise<void> {
    const before = holder === undefined ? 'the previous process' : processText(holder);
    const timer = setTimeout(() => {
      this.#output.line(
        warning(`${before} has not ended after ${drainPatienceMs / 1_000} s. Stop it, or it may publish again.`),
      );
    }, drainPatienceMs);
    timer.unref();
    const lock = await takeOverIdentity(this.#file, this.#stop.signal);
    clearTimeout(timer);
    if (lock === undefined) return;
    if (typeof lock === 'string') {
      this.#output.line(
        warning(
          `${before} cannot be asked to drain (${lock}): stop it, or both processes keep taking the lease from each other. ` +
            `The files beside ${this.#file} must be writable.`,
        ),
      );
      return;
    }
    this.#hold(lock);
    this.#output.line({ event: 'identity', level: 'info', text: `Took over from ${before}.` });
  }

  #hold(lock: IdentityLock): void {
    this.#lock = lock;
    void lock.drainRequest.then(this.#requestDrain);
  }
}

/**
 * A file named with --identity must be usable. The default file may be unwritable: then each start
 * uses a new identity.
 */
async function credentialOf(
  { identity }: IdentityOptions,
  file: string,
  output: Pick<ExposeOutput, 'line'>,
): Promise<Credential> {
  if (identity !== undefined) return loadOrCreateIdentity(identity);
  return keptIdentity(file, (reason) => {
    output.line(
      warning(
        `The lease id is new at each start, because the identity cannot be stored (${reason}). ` +
          'Name a file with --identity, or set XDG_STATE_HOME to a directory that this user can write to.',
      ),
    );
  });
}

function warning(text: string): ExposeLine {
  return { event: 'identity', level: 'warn', text };
}

function inUse(file: string, holder: ProcessRecord | undefined): CliFault {
  const who = holder === undefined ? 'another process' : processText(holder);
  // The other process may be draining.
  return temporaryFault(
    `the identity ${file} is in use: ${who} publishes with it; stop that process, take over from it with --replace, ` +
      'or name another identity with --identity',
    'identity_in_use',
  );
}
