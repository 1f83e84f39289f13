// Logs connections that end before a request: refused ones and failed TLS handshakes. Since any
// client can cause them, each reason is logged once at first, and then once a minute with a count.
import type { Logger } from 'pino';
import {
  connectionRefused,
  listen,
  tlsHandshakeFailed,
  type ConnectionRefused,
  type TlsHandshakeFailed,
} from '../../kernel/events.ts';

const defaultIntervalMs = 60_000;
/** OpenSSL has hundreds of codes; the rest share one line. */
const maxReasons = 50;

/** Returns a function that stops it and logs the pending counts. */
export function writeConnectionLog(log: Logger, intervalMs: number = defaultIntervalMs): () => void {
  const refused = new RepeatedLines(intervalMs, (fields) => {
    log.warn(fields, 'connection refused');
  });
  const handshakes = new RepeatedLines(intervalMs, (fields) => {
    log.info(fields, 'TLS handshake failed');
  });
  const ends = [
    listen(connectionRefused, ({ ip, reason }: ConnectionRefused) => {
      refused.add(reason, ip);
    }),
    listen(tlsHandshakeFailed, ({ ip, code }: TlsHandshakeFailed) => {
      handshakes.add(code, ip);
    }),
  ];
  return () => {
    for (const end of ends) end();
    refused.close();
    handshakes.close();
  };
}

interface Fields {
  readonly reason: string;
  /** The address of the last one. */
  readonly client_ip: string;
  /** The number since the last line for this reason. Absent: one. */
  readonly count?: number;
}

interface Window {
  readonly timer: NodeJS.Timeout;
  count: number;
  clientIp: string;
}

class RepeatedLines {
  readonly #intervalMs: number;
  readonly #write: (fields: Fields) => void;
  /** By reason, during an interval. */
  readonly #windows = new Map<string, Window>();

  constructor(intervalMs: number, write: (fields: Fields) => void) {
    this.#intervalMs = intervalMs;
    this.#write = write;
  }

  add(reason: string, clientIp: string): void {
    const key = this.#windows.size < maxReasons || this.#windows.has(reason) ? reason : 'other';
    const window = this.#windows.get(key);
    if (window === undefined) {
      this.#write({ reason: key, client_ip: clientIp });
      this.#open(key, clientIp);
    } else {
      window.count += 1;
      window.clientIp = clientIp;
    }
  }

  close(): void {
    for (const [reason, window] of this.#windows) {
      clearTimeout(window.timer);
      this.#writeCount(reason, window);
    }
    this.#windows.clear();
  }

  #open(reason: string, clientIp: string): void {
    const timer = setTimeout(this.#passed, this.#intervalMs, reason).unref();
    this.#windows.set(reason, { timer, count: 0, clientIp });
  }

  readonly #passed = (reason: string): void => {
    const window = this.#windows.get(reason);
    this.#windows.delete(reason);
    if (window === undefined || window.count === 0) return;
    this.#writeCount(reason, window);
    this.#open(reason, window.clientIp);
  };

  #writeCount(reason: string, { count, clientIp }: Window): void {
    if (count > 0) this.#write({ reason, client_ip: clientIp, count });
  }
}
