// The events that `expose` reports to the app's owner. They contain no query string, because
// queries may carry tokens.
import type { AppFailure } from './app/app-fault.ts';
import type { GateEvent } from './assertions/assertion-gate.ts';

export type ExposeEvent =
  | GateEvent
  | {
      readonly type: 'target_failed';
      readonly method: string;
      readonly path: string;
      /**
       * The status of the problem response that the caller received, or `cut` if its response
       * was cut short.
       */
      readonly outcome: number | 'cut';
      readonly failure: AppFailure;
      /** An error code, or a sentence without a full stop. */
      readonly reason: string;
    }
  /**
   * The app sent bytes after a complete response, or without a request. The response was delivered,
   * and the connection was closed.
   */
  | { readonly type: 'target_excess'; readonly method: string; readonly path: string }
  | { readonly type: 'tunnel_refused'; readonly openTunnels: number };

export function pathOnly(target: string): string {
  const query = target.indexOf('?');
  return query === -1 ? target : target.slice(0, query);
}
