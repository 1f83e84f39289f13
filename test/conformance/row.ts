// Owns the shape of the conformance table: what is sent, what the app must see, what the client must see. Rows are data: how they are
// played is harness/'s, and what the gateway does today decides nothing here.
//
// Text is bytes: one latin1 character is one byte. Everywhere in a row `@app` stands for the name of the row's lease (four characters,
// as the placeholder), `@id` for its id, `@key` for a valid API key. Where a row says `forged`, the app must never read that word in a
// head or trailer; where an app says `leaked`, the client must never read it.
import type { LeasePolicy } from '../../src/policy/policy.ts';

/** What one side of the exchange does next. Text is sent. */
export type Step =
  | string
  /** Sent byte by byte. */
  | { readonly bytewise: string }
  /** Waits until this side has received the text. */
  | { readonly received: string }
  /** Waits until the other side has received the text. */
  | { readonly peerReceived: string }
  /** Waits until the request is whole; an app's only. */
  | { readonly wait: 'whole request' }
  /** Waits until the other side has closed. */
  | { readonly wait: 'closed' }
  | { readonly act: 'end' | 'reset' };

/** A request as the app must see it. */
export interface Seen {
  /** Method and target: `GET /x`. The version is always HTTP/1.1. */
  readonly line: string;
  /** Every header that is the client's own, in order, as `Name: value`. What the gateway adds is not among them. Default: none. */
  readonly headers?: readonly string[];
  /** Lines that the gateway must have added. A name's other values are then wrong. */
  readonly added?: readonly string[];
  /** Names of headers that may not be there, whoever would have added them. */
  readonly lacks?: readonly string[];
  readonly framing?: 'none' | 'length' | 'chunked';
  /** Default: none; not looked at in what was not completed. */
  readonly body?: string;
  readonly trailers?: readonly string[];
  /** False: it must not have been completed. */
  readonly whole?: boolean;
}

export interface AppSide {
  readonly sees: readonly Seen[];
  /** One for each request, in order of arrival. Text is sent once the request is whole; steps begin with its head. */
  readonly answers: readonly (string | readonly Step[])[];
  /** Bytes after the last request, on its connection: of a protocol that is no HTTP any more. */
  readonly rest?: string;
  /** What becomes of the connection that carried the first request. */
  readonly tunnel?: 'kept' | 'closed';
}

/** An answer as the client must see it. */
export interface Answer {
  readonly status: number;
  /** The code of a problem that the gateway made itself. */
  readonly problem?: string;
  /** Made by the gateway itself, and no problem. */
  readonly own?: true;
  /** Every header that is the app's own, in order. What the gateway adds is not among them. Default: none. Not looked at in problems. */
  readonly headers?: readonly string[];
  /** Lines that the gateway must have added, or that a problem must carry. */
  readonly added?: readonly string[];
  readonly lacks?: readonly string[];
  readonly framing?: 'none' | 'length' | 'chunked' | 'close';
  /** Default: empty, and whatever it is in problems. */
  readonly body?: string;
  /** Text that must occur in the body. */
  readonly holds?: string;
  readonly trailers?: readonly string[];
  /** True: the client must see that it is not complete. */
  readonly cut?: boolean;
}

/** `open`: takes another request. `switched`: left HTTP. `either`: open or closed, as neither contract nor RFC cares. */
export type After = 'open' | 'closed' | 'switched' | 'either';

export interface ClientSide {
  readonly answers: readonly Answer[];
  readonly then: After;
  /** What came after the answers. */
  readonly rest?: string;
}

export interface Row {
  readonly name: string;
  readonly send: string | readonly Step[];
  /** Undefined: the app must see nothing at all. */
  readonly app?: AppSide;
  readonly client: ClientSide;
  /** Another name for the lease than the harness gives; unique in the table. `@app` does not stand for it. */
  readonly leaseName?: string;
  readonly lease?: Partial<LeasePolicy>;
  /** It holds for HTTP/2 too: the same request, carried there. */
  readonly h2?: true;
}

/** A gateway that rows need. */
export type Setup = 'usual' | 'trusting' | 'open' | 'tight' | 'hasty' | 'proxied';

export interface Topic {
  readonly title: string;
  /** Default: usual. */
  readonly setup?: Setup;
  readonly rows: readonly Row[];
}

export const end: Step = { act: 'end' };
export const reset: Step = { act: 'reset' };
export const wholeRequest: Step = { wait: 'whole request' };
export const untilClosed: Step = { wait: 'closed' };
