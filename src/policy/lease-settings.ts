// Per-lease settings of a policy, compiled so that one lookup returns all of them. A lease gets the
// settings of its most specific matching pattern; patterns are not merged.
import type { RawHeaders } from '../kernel/http/http.ts';
import type { Steps } from '../kernel/work/slices.ts';
import { compiledInSteps } from './compiled.ts';
import { LeasePatterns } from './lease-patterns.ts';
import type { CorsPolicy, HeaderChanges, LeasePolicy, Policy } from './policy.ts';

export interface LeaseSettings {
  /** Empty: the default of the mode. */
  readonly hostHeader: string;
  /** Path mode: whether the app receives the path without the prefix. */
  readonly stripPrefix: boolean;
  /** Undefined: no changes. */
  readonly request: HeaderEdit | undefined;
  readonly response: HeaderEdit | undefined;
  /** Each assertion is bound to one request. */
  readonly bindsRequest: boolean;
  /** Undefined: the general setting applies. */
  readonly cors: CorsPolicy | undefined;
  readonly credentials: LeasePolicy['credentials'];
  /** Undefined: as `auth.basic`. */
  readonly basic: boolean | undefined;
}

/** Sets and removes headers, whatever their previous values. */
export class HeaderEdit {
  /** Names of the fields to remove, in lower case. */
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

function* settingsOf(lease: LeasePolicy): Steps<LeaseSettings> {
  const { hostHeader, stripPrefix, headers, cors, assertion, credentials, basic } = lease;
  yield;
  return {
    hostHeader,
    stripPrefix,
    request: editOf(headers.request),
    response: editOf(headers.response),
    bindsRequest: assertion.bind === 'request',
    cors: cors.enabled ? cors : undefined,
    credentials,
    basic,
  };
}

function editOf(changes: HeaderChanges): HeaderEdit | undefined {
  return Object.keys(changes.set).length === 0 && changes.remove.length === 0 ? undefined : new HeaderEdit(changes);
}
