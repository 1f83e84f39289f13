// Parses the TARGET argument of `expose`: which local server requests go to.
import { withoutBrackets } from '../../kernel/net/ip.ts';

export interface Target {
  readonly protocol: 'http:' | 'https:';
  /** Without the brackets of an IPv6 address. */
  readonly hostname: string;
  readonly port: number;
  /** The Host that the app would receive if it were called directly. */
  readonly host: string;
  /** Shown to users. */
  readonly origin: string;
}

const highestPort = 65_535;

/**
 * Accepts `3000`, `127.0.0.1:3000`, `http://localhost:3000` or `https://app.test`. Throws
 * RangeError with the reason otherwise.
 */
export function parseTarget(text: string): Target {
  if (/^\d+$/.test(text)) {
    const port = Number(text);
    if (port < 1 || port > highestPort) throw new RangeError(`port ${text} is not between 1 and ${highestPort}`);
    // Not 127.0.0.1: development servers listen on either address family, and localhost tries both.
    return fromUrl(`http://localhost:${port}`, text);
  }
  return fromUrl(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`, text);
}

function fromUrl(urlText: string, shown: string): Target {
  const url = URL.parse(urlText);
  if (url === null || url.hostname === '') {
    throw new RangeError(`"${shown}" is neither a port, a host:port nor an http(s):// URL`);
  }
  const { protocol } = url;
  if (protocol !== 'http:' && protocol !== 'https:') {
    throw new RangeError(`"${shown}" has the scheme ${protocol}//, but only http:// and https:// can be published`);
  }
  if (url.username !== '' || url.password !== '') throw new RangeError(`the target must not contain credentials`);
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw new RangeError(
      `"${shown}" has a path, but only a whole server can be published: remove everything after the port`,
    );
  }
  const defaultPort = protocol === 'http:' ? 80 : 443;
  return {
    protocol,
    hostname: withoutBrackets(url.hostname),
    port: url.port === '' ? defaultPort : Number(url.port),
    host: url.host,
    origin: url.origin,
  };
}
