// Parses the URL of a v1 relay and makes it safe to show. Does not connect.
import { withoutBrackets } from '../../kernel/net/ip.ts';
import { v1RelayForm, v2RelayFault } from '../../kernel/relay-generations.ts';
import { PortalError } from '../errors.ts';

export interface RelayUrl {
  readonly url: URL;
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  /** Safe for logs and messages: no credentials and no query. */
  readonly shown: string;
}

const defaultPath = '/relay'; // the path of every v1 relay
const shownLimitChars = 200;

/** Throws PortalError `bad_relay_url`. Without a path, `/relay` is used. */
export function parseRelayUrl(text: string): RelayUrl {
  const url = URL.parse(text);
  if (url === null) throw bad(text, 'is not a URL');
  const secure = url.protocol === 'wss:';
  if (!secure && url.protocol !== 'ws:') {
    if (url.protocol === 'https:') throw bad(text, v2RelayFault, v1RelayForm);
    throw bad(text, `has the scheme ${url.protocol.slice(0, -1)}`, 'a v1 relay is reached by ws://HOST[:PORT]/relay');
  }
  if (url.username !== '' || url.password !== '')
    throw bad(text, 'contains a user name or password', 'relays accept none: remove it');
  if (url.hash !== '') throw bad(text, 'has a fragment (#…)', 'remove it');
  if (url.port === '0') throw bad(text, 'has port 0', 'write the port of the relay');
  if (url.pathname === '/') url.pathname = defaultPath;
  const host = withoutBrackets(url.hostname);
  const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port);
  return { url, secure, host, port, shown: `${url.protocol}//${url.host}${url.pathname}` };
}

function bad(text: string, what: string, todo = 'write it as ws://HOST:PORT/relay'): PortalError {
  return new PortalError('bad_relay_url', `relay URL ${showable(text)} ${what}; ${todo}`);
}

/**
 * One line of limited length, without the part before an @: an invalid URL may still contain a
 * password.
 */
function showable(text: string): string {
  const withoutCredentials = text.replace(/^([^/]*\/\/)?[^/]*@/, '$1…@');
  const cut =
    withoutCredentials.length > shownLimitChars
      ? `${withoutCredentials.slice(0, shownLimitChars)}…`
      : withoutCredentials;
  return JSON.stringify(cut);
}
