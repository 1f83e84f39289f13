// What can go wrong with one exchange, and how far it had come: the facts from which callers decide what to answer and whether
// the request may be sent again.

/**
 * unsent: not a byte of the request has left this process. waiting: the request, or a part of it, has left; not a byte of a
 * response has come. head: bytes of a response have come, perhaps interim responses, but no complete final head. body: behind it.
 */
export type FaultMoment = 'unsent' | 'waiting' | 'head' | 'body';

/**
 * connection_lost: the peer ended, reset or lost the connection. malformed: it sent something that is not an HTTP/1 response to
 * this request. unasked: it sent something before a byte of the request had left. request_body: the source of the request body failed.
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
}
