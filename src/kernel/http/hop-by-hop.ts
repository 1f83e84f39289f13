// Header fields that belong to one connection only (RFC 9110 §7.6.1). Neither the gateway nor
// `expose` forwards them, in either direction.

const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  // RFC 7540 §3.2.1: settings for an upgrade to h2c, which is not supported.
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/** `name` must be lower case. */
export function isHopByHop(name: string): boolean {
  return hopByHop.has(name);
}

/** Options that nearly every message names and that are hop-by-hop anyway. */
const plainOptions: ReadonlySet<string> = new Set(['', 'keep-alive', 'close', 'upgrade', 'te']);

/**
 * The lower-case fields that a Connection header makes hop-by-hop. Host and Content-Length cannot
 * be removed this way.
 */
export function namedByConnection(value: string): readonly string[] {
  const lower = value.toLowerCase();
  if (plainOptions.has(lower)) return [];
  return lower
    .split(',')
    .map((option) => option.trim())
    .filter((option) => !plainOptions.has(option) && option !== 'host' && option !== 'content-length');
}
