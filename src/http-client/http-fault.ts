// The error of a failed exchange: its kind, and how far the exchange got. Callers use both to
// decide how to respond and whether to retry the request.

/**
 * unsent: no byte of the request was sent. waiting: at least a part of the request was sent;
 * nothing has arrived, or only bytes that cannot begin a response. head: bytes of a response have
 * arrived, perhaps interim responses, but no complete final head. body: after the final head.
 */
export type FaultMoment = 'unsent' | 'waiting' | 'head' | 'body';

/**
 * connection_lost: the peer ended, reset or lost the connection. malformed: it sent something that
 * is not an HTTP/1 response to this request. unasked: it sent bytes before any byte of the request
 * was sent. request_body: the source of the request body failed.
 */
export type FaultKind = 'connection_lost' | 'malformed' | 'unasked' | 'request_body';

export class HttpFault extends Error {
  readonly kind: FaultKind;
  readonly moment: FaultMoment;

  constructor(kind: FaultKind, moment: FaultMoment, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'HttpFault';
    this.kind = kind;
    this.moment = moment;
  }

  /** No response to this request has begun. */
  get pending(): boolean {
    return this.kind !== 'request_body' && (this.moment === 'unsent' || this.moment === 'waiting');
  }
}
