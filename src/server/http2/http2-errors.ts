// Error codes of HTTP/2 (RFC 9113 §7) that the gateway sends or looks for.
export const http2Errors = {
  noError: 0x0,
  internalError: 0x2,
  refusedStream: 0x7,
  cancel: 0x8,
  connectError: 0xa,
  enhanceYourCalm: 0xb,
} as const;
