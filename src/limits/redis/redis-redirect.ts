// Parses the redirections of a Redis cluster, which name the node that has the keys of a command.
// https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#redirection-and-resharding
import { ErrorReply } from '@redis/client';

export interface Redirect {
  /**
   * MOVED: all commands go to the node from now on. ASK: only this command does, while its slot is
   * moving.
   */
  readonly kind: 'MOVED' | 'ASK';
  readonly url: string;
  /** HOST:PORT, for error messages. */
  readonly node: string;
}

/**
 * Parses `MOVED slot host:port` and `ASK slot host:port`. The host may be empty or `?`: the host of
 * the server that sent it. `from` is the URL of that server; scheme, user and password are the same
 * on all nodes. Undefined: the error is not a redirection.
 */
export function redirectOf(error: unknown, from: string): Redirect | undefined {
  if (!(error instanceof ErrorReply)) return undefined;
  const [, kind, host = '', port = ''] = /^(MOVED|ASK) \d{1,5} (.{0,255}):(\d{1,5})$/.exec(error.message) ?? [];
  if (kind !== 'MOVED' && kind !== 'ASK') return undefined;
  const url = URL.parse(from.startsWith('unix:') ? 'redis://127.0.0.1' : from);
  if (url === null) return undefined;
  if (host !== '' && host !== '?') url.hostname = host.includes(':') ? `[${host}]` : host;
  url.port = port;
  return { kind, url: url.href, node: url.host };
}
