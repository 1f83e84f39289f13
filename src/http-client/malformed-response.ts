// The error of the response reader, with one readable sentence per code.

/**
 * not_http: wrong protocol or version. cut: the peer ended too early. The others name the malformed
 * part.
 */
export type ResponseErrorCode = keyof typeof details;

/**
 * How far a response had got when the connection ended. `no_response`: not one byte since
 * the request.
 */
export type CutPoint = 'no_response' | 'head' | 'body' | 'trailers';

const details = {
  not_http: 'The response is not HTTP/1.0 or HTTP/1.1.',
  bad_status_line: 'The status line of the response is malformed.',
  bad_field: 'A header field of the response is malformed.',
  bad_trailer: 'A trailer field of the response is malformed.',
  bad_framing: 'The Content-Length or Transfer-Encoding of the response is invalid.',
  bad_chunk: 'The chunked encoding of the response is malformed.',
  head_too_large: 'The header section of the response is too large.',
  trailers_too_large: 'The trailer section of the response is too large.',
  bad_informational: 'An interim (1xx) response is HTTP/1.0 or ends the connection.',
  too_many_informational: 'The interim (1xx) responses are too many or too large.',
  unoffered_upgrade: 'The response switches to a protocol that the request did not offer.',
  cut: 'The connection ended before the response was complete.',
} as const;

const cutDetails: Record<CutPoint, string> = {
  no_response: 'The connection ended before a response began.',
  head: 'The connection ended within the header section of the response.',
  body: 'The connection ended within the body of the response.',
  trailers: 'The connection ended within the trailer section of the response.',
};

/** A malformed or incomplete response. The message quotes nothing that the peer sent. */
export class ResponseError extends Error {
  override readonly name = 'ResponseError';
  readonly code: ResponseErrorCode;
  /** Set for `cut` only. */
  readonly cutPoint: CutPoint | undefined;

  constructor(code: ResponseErrorCode, cutPoint?: CutPoint) {
    super(cutPoint === undefined ? details[code] : cutDetails[cutPoint]);
    this.code = code;
    this.cutPoint = cutPoint;
  }
}
