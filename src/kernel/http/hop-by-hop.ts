// Header fields that belong to one connection only (RFC 9110 §7.6.1) and are never passed on, in either direction, by the gateway or by
// `expose`.

const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  // RFC 7540 §3.2.1: the settings of a switch to h2c, which never happens here.
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/** `name` in lower case. */
export function isHopByHop(name: string): boolean {
  return hopByHop.has(name);
}

/** The options that nearly every message names, and that are hop-by-hop anyway. */
const plainOptions: ReadonlySet<string> = new Set(['', 'keep-alive', 'close', 'upgrade', 'te']);

/**
 * The fields, in lower case, that a Connection header makes hop-by-hop. Host, framing and what decides how the message is carried
 * can't be removed this way.
 */
export function namedByConnection(value: string): readonly string[] {
  const lower = value.toLowerCase();
  if (plainOptions.has(lower)) return [];
  return lower
    .split(',')
    .map((option) => option.trim())
    .filter((option) => !plainOptions.has(option) && option !== 'host' && option !== 'content-length');
}
