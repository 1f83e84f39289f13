// What `expose` reports to the owner of the app. Events hold no query: queries carry tokens, and logs must not.
import type { AppFailure } from './app-fault.ts';
import type { GateEvent } from './assertion-gate.ts';

export type ExposeEvent =
  | GateEvent
  | {
      readonly type: 'target_failed';
      readonly method: string;
      readonly path: string;
      /** What the caller got: a problem with this status, or a response that was cut. */
      readonly outcome: number | 'cut';
      readonly failure: AppFailure;
      /** An error code, or a sentence without its full stop. */
      readonly reason: string;
    }
  /** The app sent bytes behind a complete response, or without a request. The response passed, the connection was closed. */
  | { readonly type: 'target_excess'; readonly method: string; readonly path: string }
  | { readonly type: 'tunnel_refused'; readonly openTunnels: number };

export function pathOnly(target: string): string {
  const query = target.indexOf('?');
  return query === -1 ? target : target.slice(0, query);
}
