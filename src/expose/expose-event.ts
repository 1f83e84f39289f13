// The events that `expose` reports to the owner of the app. They contain no query, because queries carry tokens.
import type { AppFailure } from './app/app-fault.ts';
import type { GateEvent } from './assertions/assertion-gate.ts';

export type ExposeEvent =
  | GateEvent
  | {
      readonly type: 'target_failed';
      readonly method: string;
      readonly path: string;
      /** The status of the problem that the caller got, or `cut`: its response was cut. */
      readonly outcome: number | 'cut';
      readonly failure: AppFailure;
      /** An error code, or a sentence without its full stop. */
      readonly reason: string;
    }
  /** The app sent bytes behind a complete response, or without a request. The response was delivered, the connection was closed. */
  | { readonly type: 'target_excess'; readonly method: string; readonly path: string }
  | { readonly type: 'tunnel_refused'; readonly openTunnels: number };

export function pathOnly(target: string): string {
  const query = target.indexOf('?');
  return query === -1 ? target : target.slice(0, query);
}
