// Owns what a policy sets for single leases, compiled: one look-up gives all of it. A lease has the settings of one pattern, the most
// specific that fits; they are not merged.
import type { RawHeaders } from '../kernel/http/http.ts';
import type { Steps } from '../kernel/work/slices.ts';
import { compiledInSteps } from './compiled.ts';
import { LeasePatterns } from './lease-patterns.ts';
import type { CorsPolicy, HeaderChanges, LeasePolicy, Policy } from './policy.ts';

export interface LeaseSettings {
  /** Empty: by the rule of the mode. */
  readonly hostHeader: string;
  /** Undefined: nothing changes. */
  readonly request: HeaderEdit | undefined;
  readonly response: HeaderEdit | undefined;
  /** The assertion is for one request. */
  readonly bindsRequest: boolean;
  /** Undefined: as for all. */
  readonly cors: CorsPolicy | undefined;
  /** Where the credential of a caller is read. */
  readonly credentials: LeasePolicy['credentials'];
}

/** Settles some headers, whatever was there before. */
export class HeaderEdit {
  /** Lower case. */
  readonly #gone: ReadonlySet<string>;
  readonly #set: RawHeaders;

  constructor({ set, remove }: HeaderChanges) {
    this.#gone = new Set([...remove, ...Object.keys(set)].map((name) => name.toLowerCase()));
    this.#set = Object.entries(set).flat();
  }

  apply(headers: RawHeaders): string[] {
    const edited: string[] = [];
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i] ?? '';
      if (!this.#gone.has(name.toLowerCase())) edited.push(name, headers[i + 1] ?? '');
    }
    edited.push(...this.#set);
    return edited;
  }
}

export const leaseSettings: (policy: Policy) => LeasePatterns<LeaseSettings> = compiledInSteps(({ leases }) =>
  LeasePatterns.inSteps(leases, settingsOf),
);

function* settingsOf({ hostHeader, headers, cors, assertion, credentials }: LeasePolicy): Steps<LeaseSettings> {
  yield;
  return {
    hostHeader,
    request: editOf(headers.request),
    response: editOf(headers.response),
    bindsRequest: assertion.bind === 'request',
    cors: cors.enabled ? cors : undefined,
    credentials,
  };
}

function editOf(changes: HeaderChanges): HeaderEdit | undefined {
  return Object.keys(changes.set).length === 0 && changes.remove.length === 0 ? undefined : new HeaderEdit(changes);
}
