// The expected results: what the client sees of its exchange, and what the gateway reports, when
// something happens at a given point of it.
import type { ErrorCode } from '../../src/kernel/errors/error-table.ts';
import type { PointName } from '../helpers/exchange-points.ts';

/** `dialling`: the app has not responded to the dial, and never will. */
export type Place = PointName | 'dialling';
/**
 * `client` as in HeldExchange.outcome; `code` is the error code published for the failed request.
 */
type Cell = readonly [client: string, code: ErrorCode | 'nothing'];
export type Cells = Readonly<Record<Place, Cell>>;

/**
 * Before the response head the gateway sends an error; after it, the response must look incomplete.
 */
export const tunnelLost: Cells = {
  dialling: ['502 tunnel_failed', 'tunnel_failed'],
  'before-head': ['502 tunnel_failed', 'tunnel_failed'],
  'within-head': ['502 tunnel_failed', 'tunnel_failed'],
  'after-head': ['200 "" cut', 'tunnel_failed'],
  'within-length': ['200 "hello" cut', 'tunnel_failed'],
  'within-chunk': ['200 "hello" cut', 'tunnel_failed'],
  'between-chunks': ['200 "hello" cut', 'tunnel_failed'],
  'within-frame': ['200 "hello" cut', 'tunnel_failed'],
  'until-close': ['200 "hello" cut', 'tunnel_failed'],
  'within-upload': ['502 tunnel_failed', 'tunnel_failed'],
  'answering-upload': ['200 "hello" cut', 'tunnel_failed'],
  'before-101': ['502 tunnel_failed', 'tunnel_failed'],
  'after-101': ['101 "hello"', 'nothing'],
};

/** The relay reports that the app is gone. */
export const appKilled: Cells = { ...tunnelLost, dialling: ['502 lease_unreachable', 'lease_unreachable'] };

/** The app ends its side cleanly, which ends a body only if nothing else gives its length. */
export const appEnds: Cells = {
  ...tunnelLost,
  dialling: ['504 dial_timeout', 'dial_timeout'],
  'until-close': ['200 "hello"', 'nothing'],
};

/**
 * expose is alive and reports that the app behind it is not: to the gateway this is an ordinary
 * response.
 */
export const localAppGone: Cells = {
  ...tunnelLost,
  dialling: ['504 dial_timeout', 'dial_timeout'],
  'before-head': ['502 app_unreachable', 'nothing'],
  'within-head': ['502 bad_app_response', 'nothing'],
  'within-upload': ['502 app_unreachable', 'nothing'],
  'before-101': ['502 app_unreachable', 'nothing'],
};

export const clientGone: Cells = {
  dialling: ['nothing', 'client_closed'],
  'before-head': ['nothing', 'client_closed'],
  'within-head': ['nothing', 'client_closed'],
  'after-head': ['200 "" cut', 'client_closed'],
  'within-length': ['200 "hello" cut', 'client_closed'],
  'within-chunk': ['200 "hello" cut', 'client_closed'],
  'between-chunks': ['200 "hello" cut', 'client_closed'],
  'within-frame': ['200 "hello" cut', 'client_closed'],
  'until-close': ['200 "hello" cut', 'client_closed'],
  // The client might have closed only its sending side and still wait for the response to its
  // incomplete request.
  'within-upload': ['nothing', 'invalid_request'],
  'answering-upload': ['200 "hello" cut', 'invalid_request'],
  'before-101': ['nothing', 'client_closed'],
  'after-101': ['101 "hello"', 'nothing'],
};

/** Exchanges that have begun are not affected. */
export const goesOn: Cells = {
  dialling: ['504 dial_timeout', 'dial_timeout'],
  'before-head': ['200 "helloworld"', 'nothing'],
  'within-head': ['200 "helloworld"', 'nothing'],
  'after-head': ['200 "helloworld"', 'nothing'],
  'within-length': ['200 "helloworld"', 'nothing'],
  'within-chunk': ['200 "helloworld"', 'nothing'],
  'between-chunks': ['200 "helloworld"', 'nothing'],
  'within-frame': ['200 "helloworld"', 'nothing'],
  'until-close': ['200 "helloworld"', 'nothing'],
  'within-upload': ['200 "helloworld"', 'nothing'],
  'answering-upload': ['200 "helloworld"', 'nothing'],
  'before-101': ['101 "helloworld"', 'nothing'],
  'after-101': ['101 "helloworld"', 'nothing'],
};

/**
 * The grace period of a drain is over: the gateway cuts the exchange and reports itself as the
 * cause.
 */
export const graceOver: Cells = {
  dialling: ['503 draining', 'draining'],
  'before-head': ['503 draining', 'draining'],
  'within-head': ['503 draining', 'draining'],
  'after-head': ['200 "" cut', 'draining'],
  'within-length': ['200 "hello" cut', 'draining'],
  'within-chunk': ['200 "hello" cut', 'draining'],
  'between-chunks': ['200 "hello" cut', 'draining'],
  'within-frame': ['200 "hello" cut', 'draining'],
  'until-close': ['200 "hello" cut', 'draining'],
  'within-upload': ['503 draining', 'draining'],
  'answering-upload': ['200 "hello" cut', 'draining'],
  'before-101': ['503 draining', 'draining'],
  'after-101': ['101 "hello"', 'nothing'],
};
